// Messages of the system (and of developers) where a template has fewer places for them.
#include <utility>

#include "chat/changes.h"
#include "chat/turns.h"

namespace gantry::chat {

// Those at the beginning become one.
bool join_systems(Conversation& conversation, const Ground&) {
  Json& messages = conversation.messages;
  const size_t count = systems_in_front(messages);
  if (count < 2) return false;
  std::string text;
  for (size_t i = 0; i < count; ++i) append_text(text, text_of(messages[i]));
  messages[0]["content"] = text;
  messages.erase(messages.begin() + 1, messages.begin() + static_cast<ptrdiff_t>(count));
  return true;
}

// Those between turns become words of a user: of the next one that speaks at once, else of the one before;
// where neither stands beside them, of one of their own.
bool fold_late_systems(Conversation& conversation, const Ground&) {
  const Json& messages = conversation.messages;
  Json out = Json::array();
  bool changed = false;
  const size_t front = systems_in_front(messages);
  std::string waiting;
  // Behind the words of the one before, or by itself.
  const auto put_behind = [&] {
    if (waiting.empty()) return;
    if (!out.empty() && role_of(out.back()) == "user") {
      std::string text = text_of(out.back());
      append_text(text, waiting);
      out.back()["content"] = text;
    } else {
      out.push_back(make_message("user", waiting));
    }
    waiting.clear();
  };
  for (size_t i = 0; i < messages.size(); ++i) {
    if (i >= front && is_system(messages[i])) {
      append_text(waiting, text_of(messages[i]));
      changed = true;
      continue;
    }
    Json message = messages[i];
    if (!waiting.empty() && role_of(message) == "user") {
      append_text(waiting, text_of(message));
      message["content"] = std::exchange(waiting, {});
    }
    put_behind();
    out.push_back(std::move(message));
  }
  put_behind();
  conversation.messages = std::move(out);
  return changed;
}

// Where nobody else speaks.
bool say_lone_system_as_user(Conversation& conversation, const Ground& ground) {
  const size_t count = systems_in_front(conversation.messages);
  if (count == 0 || count < conversation.messages.size()) return false;
  join_systems(conversation, ground);
  conversation.messages[0]["role"] = "user";
  return true;
}

// Those at the beginning become the first words of the first user.
bool fold_system(Conversation& conversation, const Ground& ground) {
  if (systems_in_front(conversation.messages) == 0) return false;
  join_systems(conversation, ground);
  Json& messages = conversation.messages;
  std::string text = text_of(messages[0]);
  messages.erase(0);
  for (Json& message : messages) {
    if (role_of(message) != "user") continue;
    append_text(text, text_of(message));
    message["content"] = text;
    return true;
  }
  if (!text.empty() || messages.empty()) messages.insert(messages.begin(), make_message("user", text));
  return true;
}

}  // namespace gantry::chat
