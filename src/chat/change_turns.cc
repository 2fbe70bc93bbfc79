// Turns that do not alternate, where a template wants them to.
#include <optional>
#include <utility>

#include "chat/changes.h"
#include "chat/turns.h"

namespace gantry::chat {
namespace {

// A turn that is being put together: its texts grow in place.
class JoinedTurn {
 public:
  explicit JoinedTurn(Message first) : turn_(std::move(first)) {}
  const Message& first() const { return turn_; }

  void add(const Message& next) {
    if (!joined_) {
      content_ = turn_.words();
      reasoning_ = turn_.fields().value("reasoning_content", "");
      joined_ = true;
    }
    append_words(content_, next.words());
    append_text(reasoning_, next.fields().value("reasoning_content", ""));
    if (calls_tools(next)) turn_.calls() = next["tool_calls"];
  }

  Message take() {
    if (joined_) turn_.say(content_);
    if (joined_ && !reasoning_.empty()) turn_.set("reasoning_content", reasoning_);
    return std::move(turn_);
  }

 private:
  Message turn_;
  bool joined_ = false;
  text::Words content_;
  std::string reasoning_;
};

}  // namespace

// An answer without a word says nothing.
bool leave_out_empty_answers(Conversation& conversation, const Ground&) {
  Messages out;
  for (const Message& message : conversation.messages) {
    const bool empty = role_of(message) == "assistant" && !calls_tools(message) && text_of(message).empty() &&
                       message.fields().value("reasoning_content", "").empty();
    if (!empty) out.push_back(message);
  }
  if (out.empty() || out.size() == conversation.messages.size()) return false;
  conversation.messages = std::move(out);
  return true;
}

// Between the result of a call and a user's next words an assistant answered nothing.
bool answer_results(Conversation& conversation, const Ground&) {
  const Messages& messages = conversation.messages;
  Messages out;
  for (size_t i = 0; i < messages.size(); ++i) {
    if (i > 0 && role_of(messages[i]) == "user" && is_result(messages[i - 1]))
      out.push_back({"assistant", {}});
    out.push_back(messages[i]);
  }
  const bool changed = out.size() != messages.size();
  conversation.messages = std::move(out);
  return changed;
}

// A greeting answers a user who said nothing.
bool put_user_first(Conversation& conversation, const Ground&) {
  Messages& messages = conversation.messages;
  const size_t front = systems_in_front(messages);
  if (front == messages.size() || role_of(messages[front]) != "assistant") return false;
  messages.insert(messages.begin() + static_cast<ptrdiff_t>(front), Message("user", {}));
  return true;
}

// Two turns of one role become one, unless calls would come before words.
bool join_turns(Conversation& conversation, const Ground& ground) {
  const bool users = ground.knowledge.can(Can::kUsersInARow),
             assistants = ground.knowledge.can(Can::kAssistantsInARow);
  // Where the template takes both by themselves, something else was in its way.
  const bool all = users && assistants;
  const Messages& messages = conversation.messages;
  Messages out;
  std::optional<JoinedTurn> now;
  for (const Message& message : messages) {
    const std::string_view role = role_of(message);
    const bool may = (role == "user" && (all || !users)) || (role == "assistant" && (all || !assistants));
    if (may && now && role_of(now->first()) == role && !calls_tools(now->first())) {
      now->add(message);
      continue;
    }
    if (now) out.push_back(now->take());
    now.emplace(message);
  }
  if (now) out.push_back(now->take());
  const bool changed = out.size() != messages.size();
  conversation.messages = std::move(out);
  return changed;
}

}  // namespace gantry::chat
