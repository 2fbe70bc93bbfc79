// Messages of the system (and of developers) where a template has fewer places for them.
#include <utility>

#include "chat/changes.h"
#include "chat/turns.h"

namespace gantry::chat {

// Those at the beginning become one.
bool join_systems(Conversation& conversation, const Ground&) {
  Messages& messages = conversation.messages;
  const size_t count = systems_in_front(messages);
  if (count < 2) return false;
  text::Words words;
  for (size_t i = 0; i < count; ++i) append_words(words, messages[i].words());
  messages[0].say(words);
  messages.erase(messages.begin() + 1, messages.begin() + static_cast<ptrdiff_t>(count));
  return true;
}

// Those between turns become words of a user: of the next one that speaks at once, else of the one before;
// where neither stands beside them, of one of their own.
bool fold_late_systems(Conversation& conversation, const Ground&) {
  const Messages& messages = conversation.messages;
  Messages out;
  bool changed = false;
  const size_t front = systems_in_front(messages);
  text::Words waiting;
  // Behind the words of the one before, or by itself.
  const auto put_behind = [&] {
    if (waiting.empty()) return;
    if (!out.empty() && role_of(out.back()) == "user") {
      text::Words words = out.back().words();
      append_words(words, waiting);
      out.back().say(words);
    } else {
      out.push_back({"user", waiting});
    }
    waiting = {};
  };
  for (size_t i = 0; i < messages.size(); ++i) {
    if (i >= front && is_system(messages[i])) {
      append_words(waiting, messages[i].words());
      changed = true;
      continue;
    }
    Message message = messages[i];
    if (!waiting.empty() && role_of(message) == "user") {
      append_words(waiting, message.words());
      message.say(std::exchange(waiting, {}));
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
  conversation.messages[0].set("role", "user");
  return true;
}

// Those at the beginning become the first words of the first user.
bool fold_system(Conversation& conversation, const Ground& ground) {
  if (systems_in_front(conversation.messages) == 0) return false;
  join_systems(conversation, ground);
  Messages& messages = conversation.messages;
  text::Words words = messages[0].words();
  messages.erase(messages.begin());
  for (Message& message : messages) {
    if (role_of(message) != "user") continue;
    append_words(words, message.words());
    message.say(words);
    return true;
  }
  if (!words.empty() || messages.empty()) messages.insert(messages.begin(), Message("user", words));
  return true;
}

}  // namespace gantry::chat
