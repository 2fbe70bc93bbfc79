// What each model's own template writes for an assistant's turn is read back as what was given to it.
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <map>
#include <set>
#include <sstream>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "chat/conversation.h"
#include "chat/messages.h"
#include "jinja/cases.h"
#include "reply/call_writer.h"
#include "tests/reply/reply_data.h"
#include "tests/shared_data.h"

namespace gantry::chat {
namespace {

using gantry::testing::read_bytes;
using gantry::testing::shared_path;
using reply::testing::Heard;

// Templates that write calls in a way that no row knows, or not as they want them to be written.
const std::set<std::string> kUnread = {};

std::string cut_at_end(std::string text) {
  size_t end = text.size();
  for (const char* marker :
       {"<|im_end|>", "<|eot_id|>", "</s>", "<seed:eos>", "<|END_OF_TURN_TOKEN|>", "<｜end▁of▁sentence｜>",
        "<|end_of_text|>", "<SPECIAL_12>", "<sep>", "<|eom|>", "</assistant>", "<|call|>", "<|user|>",
        "<|observation|>", "<|message_sep|>\n\n", "<turn|>", "<|end|>\n", "<|START_OF_TURN_TOKEN|>"})
    end = std::min(end, text.find(marker));
  return text.substr(0, end);
}

size_t common(const std::string& a, const std::string& b) {
  size_t same = 0;
  while (same < a.size() && same < b.size() && a[same] == b[same]) ++same;
  return same;
}

struct Turn {
  std::string prompt, text;
};

// What the template writes after the messages before the last one.
Turn turn_of(const jinja::ChatTemplate& chat_template, const Json& test_case, const Json& messages) {
  Json before = test_case, with = test_case;
  with["messages"] = messages;
  with["add_generation_prompt"] = false;
  before["messages"] = messages;
  before["messages"].erase(messages.size() - 1);
  before["add_generation_prompt"] = true;
  const Json written = jinja::run_case(chat_template, with, 0),
             opened = jinja::run_case(chat_template, before, 0);
  if (!written.contains("text") || !opened.contains("text")) return {};
  const auto text = written["text"].get<std::string>(), prompt = opened["text"].get<std::string>();
  size_t same = common(text, prompt);
  // What the prompt opened and the message does not have is no part of it, nor is its first half.
  if (same < prompt.size())
    while (same > 0 && std::string_view("\n>]").find(text[same - 1]) == std::string_view::npos) --same;
  constexpr std::string_view kTurn = "<|CHATBOT_TOKEN|>";
  if (std::string_view(text).substr(same).starts_with(kTurn)) same += kTurn.size();
  return {prompt.substr(0, same), cut_at_end(text.substr(same))};
}

// Empty when the calls are those of the message.
std::string difference(const Heard& heard, const Json& message, const std::string& text) {
  // Some templates write the first one only.
  Json calls = Json::array();
  for (const Json& call : message["tool_calls"])
    if (text.find(call["function"]["name"].get<std::string>()) != std::string::npos) calls.push_back(call);
  if (heard.calls.size() != calls.size()) return "calls: " + std::to_string(heard.calls.size());
  for (size_t i = 0; i < calls.size(); ++i) {
    const Json& function = calls[i]["function"];
    if (function["name"] != heard.calls[i].name) return "name " + heard.calls[i].name;
    // Without regard to the order of members.
    const auto wanted = nlohmann::json::parse(function["arguments"].dump());
    const auto got = nlohmann::json::parse(heard.calls[i].arguments, nullptr, false);
    if (got != wanted) return "arguments " + heard.calls[i].arguments;
    if (!heard.calls[i].whole) return "a call without its end";
  }
  std::string content = message["content"].is_string() ? message["content"].get<std::string>() : "";
  if (text.find(content) == std::string::npos) content.clear();  // not every template writes both
  const size_t said = std::min(heard.content.find_first_not_of(" \n"), heard.content.size());
  // gpt-oss says it before a call to itself.
  if (heard.content.empty() && !content.empty() && heard.reasoning == content) return "";
  if (heard.content.substr(said) != content) return "content '" + heard.content + "'";
  return heard.reasoning.empty() ? "" : "reasoning '" + heard.reasoning + "'";
}

class Templates : public ::testing::Test {
 protected:
  void SetUp() override {
    GANTRY_NEED_SHARED("conformance/chat-templates/golden.jsonl");
    std::istringstream in(read_bytes(shared_path("conformance/chat-templates/golden.jsonl")));
    for (std::string line; std::getline(in, line);)
      if (line.find("\"tool_") != std::string::npos) cases_.push_back(Json::parse(line));
  }
  std::vector<Json> cases_;
};

TEST_F(Templates, ReadBackTheCallsThatTheyWrite) {
  std::map<std::string, int> read;
  std::set<std::string> skipped;
  for (const Json& row : cases_) {
    const auto name = row["template"].get<std::string>(), test = row["case"].get<std::string>();
    if (test != "tool_calls_last_nogen" && test != "tool_parallel_emptystr_gen" &&
        test != "tool_long_id_text_gen")
      continue;
    const auto parsed =
        jinja::ChatTemplate::parse(read_bytes(shared_path("conformance/chat-templates/templates/" + name)));
    Json messages = row["messages"];
    // Some templates put it where the last question is.
    if (messages[0]["role"] == "system") messages.erase(0);
    while (!messages.back().contains("tool_calls")) messages.erase(messages.size() - 1);
    Turn turn = turn_of(*parsed, row, messages);
    const auto function = messages.back()["tool_calls"][0]["function"]["name"].get<std::string>();
    if (turn.text.find(function) == std::string::npos) {
      // Some want the arguments as text; some write no calls at all.
      Json as_text = messages;
      for (Json& call : as_text.back()["tool_calls"])
        call["function"]["arguments"] = call["function"]["arguments"].dump();
      turn = turn_of(*parsed, row, as_text);
      if (turn.text.find(function) == std::string::npos) continue;
    }
    const reply::ReplyFormat& format = reply::reply_format_of(parsed->source());
    const Heard heard = reply::testing::read_reply(format, {turn.text}, true, turn.prompt, row["tools"]);
    const std::string wrong = difference(heard, messages.back(), turn.text);
    if (kUnread.contains(name)) {
      skipped.insert(name);
      continue;
    }
    EXPECT_EQ(wrong, "") << name << ' ' << test << " as " << format.name << ":\n" << turn.text;
    if (wrong.empty()) ++read[format.name];
  }
  for (const auto& [name, count] : read) RecordProperty(name, count);
  std::string all;
  for (const auto& [name, count] : read) all += name + " " + std::to_string(count) + ", ";
  std::cout << all << '\n';
  EXPECT_GE(read.size(), 15U) << all;
}

const char* const kTools = R"([
    {"type": "function", "function": {"name": "get_current_weather", "description": "Tells the weather.",
      "parameters": {"type": "object", "properties": {"location": {"type": "string", "description": "where"},
        "days": {"type": "integer", "description": "how many"}}, "required": ["location"]}}},
    {"type": "function", "function": {"name": "get_time", "description": "Tells the time.",
      "parameters": {"type": "object", "properties": {}}}}])";

// A template has words of its own for text beside calls.
const std::string kOwnWords = "own words";

// Calls that a model wrote in its family's notation, told to the client, come back with their results: the
// prompt of the next step says the same calls, as the family reads them: "". `words`: said before them; what
// templates make of that in words of their own is not asked.
std::string came_back(const ConversationRenderer& renderer, const reply::ReplyFormat& format,
                      const std::vector<std::pair<std::string, Json>>& calls, const std::string& words = "") {
  const Json tools = Json::parse(kTools);
  std::vector<reply::WrittenCall> written;
  for (const auto& [name, arguments] : calls) written.push_back({name, &arguments, "abc123def"});
  const std::string calls_alone =
      reply::write_calls(format, written, reply::ToolTypes(tools), !words.empty()).text();
  const std::string out = words.empty() ? calls_alone : words + "\n" + calls_alone;
  const Heard told = reply::testing::read_reply(format, {out}, true, "", tools);
  if (told.calls.size() != calls.size() || told.content != words) return "not told: " + out;
  Conversation asked;
  asked.tools = tools;
  asked.messages = Json::parse(R"([{"role": "user", "content": "How is the weather?"}])");
  Conversation next = asked;
  Json list = Json::array(), results = Json::array();
  for (const reply::testing::HeardCall& call : told.calls) {
    const std::string id =
        call.id.empty() ? fmt::format("call_{}PTLP8xhu3uwZk4l3nlnrrJh", list.size()) : call.id;
    const Json function = Json::object({{"name", call.name}, {"arguments", call.arguments}});
    list.push_back(Json::object({{"id", id}, {"type", "function"}, {"function", function}}));
    results.push_back(Json::object({{"role", "tool"}, {"tool_call_id", id}, {"content", "RESULTWORD"}}));
  }
  Json messages =
      Json::array({asked.messages[0], Json::object({{"role", "assistant"},
                                                    {"content", words.empty() ? Json() : Json(words)},
                                                    {"tool_calls", list}})});
  for (const Json& result : results) messages.push_back(result);
  next.messages = normalise_messages(messages);
  const std::string prompt = renderer.render(asked, 0).text;
  const Rendered rendered = renderer.render(next, 0);
  const auto in_notation = [](const std::string& change) { return change.ends_with("in-notation"); };
  if (!words.empty() && std::ranges::none_of(rendered.changes, in_notation)) return kOwnWords;
  const std::string& text = rendered.text;
  const size_t end = text.find("RESULTWORD");
  if (end == std::string::npos) return "no result in " + text;
  size_t same = common(text, prompt);
  if (same < prompt.size())
    while (same > 0 && std::string_view("\n>]").find(text[same - 1]) == std::string_view::npos) --same;
  constexpr std::string_view kTurn = "<|CHATBOT_TOKEN|>";
  if (std::string_view(text).substr(same).starts_with(kTurn)) same += kTurn.size();
  const std::string rest = text.substr(same, end - same);
  size_t called = 0;  // up to the last one's name: what ends a turn may also stand between calls
  for (const auto& [name, arguments] : calls)
    called = std::min(rest.find(name, called + (called > 0 ? 1 : 0)), rest.size());
  const std::string turn = rest.substr(0, called) + cut_at_end(rest.substr(called));
  const Heard heard = reply::testing::read_reply(format, {turn}, true, prompt.substr(0, same), tools);
  if (heard.calls.size() != calls.size())
    return "calls: " + std::to_string(heard.calls.size()) + " in " + turn;
  for (size_t i = 0; i < calls.size(); ++i) {
    const auto got = nlohmann::json::parse(heard.calls[i].arguments, nullptr, false);
    if (heard.calls[i].name != calls[i].first || got != nlohmann::json::parse(calls[i].second.dump()))
      return heard.show() + " in " + turn;
  }
  if (!heard.content.ends_with(words)) return "content: " + heard.content + " in " + turn;
  return "";
}

TEST_F(Templates, TakeBackTheCallsThatTheyGaveOut) {
  std::set<std::string> names, families;
  for (const Json& row : cases_) names.insert(row["template"].get<std::string>());
  size_t tried = 0;
  for (const std::string& name : names) {
    const std::string source = read_bytes(shared_path("conformance/chat-templates/templates/" + name));
    const auto renderer = ConversationRenderer::create(source, "<s>", "</s>");
    const reply::ReplyFormat& format = reply::reply_format_of(source);
    ASSERT_TRUE(renderer) << name;
    Conversation asked;
    asked.tools = Json::parse(kTools);
    asked.messages = Json::parse(R"([{"role": "user", "content": "How is the weather?"}])");
    try {
      const std::vector<std::string> changes = renderer->render(asked, 0).changes;
      if (std::ranges::find(changes, "tools-in-words") != changes.end()) continue;
    } catch (const Error&) {  // docs/formats/exceptions.md
      continue;
    }
    for (const char* arguments : {R"({"location": "Paris, France", "days": 3})", R"({"location": "Rome"})"})
      EXPECT_EQ(came_back(*renderer, format, {{"get_current_weather", Json::parse(arguments)}}), "") << name;
    EXPECT_EQ(came_back(*renderer, format, {{"get_time", Json::object()}}), "") << name;
    const std::pair<std::string, Json> weather = {"get_current_weather",
                                                  Json::parse(R"({"location": "Rome", "days": 2})")};
    const std::pair<std::string, Json> time = {"get_time", Json::object()};
    for (const std::string& wrong : {came_back(*renderer, format, {time}, "Let me look."),
                                     came_back(*renderer, format, {weather, time}, "Let me look.")})
      EXPECT_TRUE(wrong.empty() || wrong == kOwnWords) << name << ": " << wrong;
    families.insert(format.name);
    ++tried;
  }
  EXPECT_GE(tried, 50U);
  EXPECT_GE(families.size(), 20U);
}

// The same for each row, of a template that has words for calls or for text, not for both, nor for two turns
// of the assistant in a row.
TEST(Notation, WordsAndCallsComeBackInEachRow) {
  const std::string source =
      "{{ tools | tojson if tools }}{% for m in messages %}"
      "{% if m.role == 'assistant' and messages[loop.index0 - 1].role == 'assistant' %}"
      "{{ raise_exception('one turn at a time') }}{% endif %}<|{{ m.role }}|>{% if m.tool_calls %}"
      "{% for c in m.tool_calls %}[{{ c.function.name }} {{ c.function.arguments | tojson }}]{% endfor %}"
      "{% else %}{{ m.content }}{% endif %}<|im_end|>\n{% endfor %}"
      "{% if add_generation_prompt %}<|assistant|>{% endif %}";
  const std::pair<std::string, Json> weather = {"get_current_weather",
                                                Json::parse(R"({"location": "Rome", "days": 2})")};
  const std::pair<std::string, Json> time = {"get_time", Json::object()};
  for (const reply::ReplyFormat& format : reply::reply_formats()) {
    if (format.call.empty()) continue;
    const auto renderer = ConversationRenderer::create(source, "", "", {.format = &format});
    EXPECT_EQ(came_back(*renderer, format, {weather}, "Let me look."), "") << format.name;
    EXPECT_EQ(came_back(*renderer, format, {weather, time}, "Let me look."), "") << format.name;
    EXPECT_EQ(came_back(*renderer, format, {time, weather, time}, "Let me look."), "") << format.name;
  }
}

}  // namespace
}  // namespace gantry::chat
