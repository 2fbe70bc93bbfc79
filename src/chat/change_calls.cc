// Calls of tools and their results, where a template has no words for them, or not for all of them.
#include <unordered_map>
#include <utility>
#include <vector>

#include "chat/arguments.h"
#include "chat/changes.h"
#include "chat/turns.h"
#include "reply/call_writer.h"

namespace gantry::chat {
namespace {

using text::Words;

void add_result(const std::string& name, const Words& text, const reply::ReplyFormat& format, Words& out) {
  const reply::Span& span = format.writing.result;
  if (!span.open.empty())
    out.own(span.open);
  else if (name.empty())
    out.own("Result of the call:\n");
  else
    out.own("Result of ").given(name).own(":\n");
  out += text;
  out.own(span.close);
}

// The results, or only those without calls before them, become words of a user; those that follow each other,
// of one.
bool say_results(Conversation& conversation, const Ground& ground, bool only_alone) {
  const Messages& messages = conversation.messages;
  const CallsOfResults calls(messages);
  Messages out;
  bool changed = false;
  Words words;
  const auto flush = [&] {
    if (!words.empty()) out.push_back({"user", std::exchange(words, {})});
  };
  for (size_t i = 0; i < messages.size(); ++i) {
    if (!is_result(messages[i]) || (only_alone && !calls.alone(i))) {
      flush();
      out.push_back(messages[i]);
      continue;
    }
    if (!words.empty()) words.own("\n");
    add_result(calls.name(i), messages[i].words(), ground.format, words);
    changed = true;
  }
  flush();
  conversation.messages = std::move(out);
  return changed;
}

// With arguments that are objects.
Json mended_calls(Json calls) {
  for (Json& call : calls) {
    Json& arguments = call["function"]["arguments"];
    if (!arguments.is_object()) arguments = mended_arguments(arguments);
  }
  return calls;
}

// Results say themselves what was called: soon no call before them does.
void name_results(Messages& messages) {
  const Messages before = messages;
  const CallsOfResults calls(before);
  for (size_t i = 0; i < messages.size(); ++i) {
    if (!is_result(messages[i]) || messages[i].fields().contains("name")) continue;
    const std::string name = calls.name(i);
    if (!name.empty()) messages[i].set("name", name);
  }
}

// The calls of the messages for which `fits` become a part of their content.
template <typename Fits>
bool write_calls(Conversation& conversation, const Ground& ground, const Fits& fits) {
  const reply::ToolTypes types(conversation.tools);
  Messages messages = conversation.messages;
  name_results(messages);
  bool changed = false;
  for (size_t at = 0; at < messages.size(); ++at) {
    Message& message = messages[at];
    if (!calls_tools(message) || !fits(message)) continue;
    const Json list = mended_calls(message["tool_calls"]);
    std::vector<std::string> names, ids;
    for (const Json& call : list) {
      names.push_back(call["function"].value("name", ""));
      ids.push_back(call.value("id", ""));
    }
    std::vector<reply::WrittenCall> calls;
    for (size_t i = 0; i < list.size(); ++i)
      calls.push_back({names[i], &list[i]["function"]["arguments"], ids[i]});
    Words words = message.words();
    // Those of a turn before, which it may be joined to, count as well.
    const bool behind = !words.empty() || (at > 0 && role_of(messages[at - 1]) == "assistant");
    const Words written = reply::write_calls(ground.format, calls, types, behind);
    if (written.empty()) continue;
    if (!words.empty()) words.own("\n");
    message.say(words += written);
    message.erase("tool_calls");
    changed = true;
  }
  if (changed) conversation.messages = std::move(messages);
  return changed;
}

}  // namespace

bool mend_arguments(Conversation& conversation, const Ground&) {
  bool changed = false;
  for (Message& message : conversation.messages) {
    if (!calls_tools(message)) continue;
    Json mended = mended_calls(message["tool_calls"]);
    if (mended == message["tool_calls"]) continue;
    message.calls() = std::move(mended);
    changed = true;
  }
  return changed;
}

// Where a template takes either, words beside a call are the last of the reasoning.
bool put_words_in_reasoning(Conversation& conversation, const Ground&) {
  bool changed = false;
  for (Message& message : conversation.messages) {
    if (!calls_tools(message) || text_of(message).empty()) continue;
    std::string reasoning = message.fields().value("reasoning_content", "");
    if (reasoning.empty()) continue;
    append_text(reasoning, text_of(message));
    message.set("reasoning_content", reasoning);
    message.set("content", nullptr);
    changed = true;
  }
  return changed;
}

// Words beside calls become a turn of their own: all, or those of questions that are answered, where the
// template leaves out only these.
bool put_words_before_calls(Conversation& conversation, const Ground& ground) {
  if (!ground.knowledge.can(Can::kAssistantsInARow)) return false;
  const Messages& messages = conversation.messages;
  size_t before = messages.size();
  if (ground.knowledge.can(Can::kWordsWithCalls))
    while (before > 0 && (role_of(messages[before - 1]) != "assistant" || calls_tools(messages[before - 1])))
      --before;
  Messages out;
  for (size_t i = 0; i < messages.size(); ++i) {
    if (i >= before || !calls_tools(messages[i]) || text_of(messages[i]).empty()) {
      out.push_back(messages[i]);
      continue;
    }
    out.push_back({"assistant", messages[i].words()});
    Message calls = messages[i];
    calls.set("content", nullptr);
    out.push_back(std::move(calls));
  }
  const bool changed = out.size() != messages.size();
  conversation.messages = std::move(out);
  return changed;
}

// Each call with its result; a result that belongs to none stays behind the last.
bool put_calls_one_by_one(Conversation& conversation, const Ground&) {
  const Messages& messages = conversation.messages;
  const CallsOfResults calls_of(messages);
  Messages out;
  bool changed = false;
  for (size_t i = 0; i < messages.size(); ++i) {
    if (!calls_tools(messages[i]) || messages[i]["tool_calls"].size() < 2) {
      out.push_back(messages[i]);
      continue;
    }
    std::unordered_map<const Json*, std::vector<size_t>> results;
    size_t end = i + 1;
    for (; end < messages.size() && is_result(messages[end]); ++end)
      results[calls_of.call(end)].push_back(end);
    const auto tell = [&](const Json* call) {
      for (const size_t result : results[call]) out.push_back(messages[result]);
    };
    for (const Json& call : messages[i]["tool_calls"]) {
      const bool first = &call == &messages[i]["tool_calls"][0];
      Message turn =
          first ? messages[i] : Message(Json::object({{"role", "assistant"}, {"content", nullptr}}));
      turn.calls() = Json::array({call});
      out.push_back(std::move(turn));
      tell(&call);
    }
    tell(nullptr);
    i = end - 1;
    changed = true;
  }
  conversation.messages = std::move(out);
  return changed;
}

// Words and calls of one turn, which the template shows only one of.
bool write_worded_calls_in_notation(Conversation& conversation, const Ground& ground) {
  return write_calls(conversation, ground, [](const Json& message) { return !text_of(message).empty(); });
}

bool write_calls_in_notation(Conversation& conversation, const Ground& ground) {
  return write_calls(conversation, ground, [](const Json&) { return true; });
}

bool say_lone_results_in_words(Conversation& conversation, const Ground& ground) {
  return say_results(conversation, ground, true);
}

bool say_results_in_words(Conversation& conversation, const Ground& ground) {
  return say_results(conversation, ground, false);
}

}  // namespace gantry::chat
