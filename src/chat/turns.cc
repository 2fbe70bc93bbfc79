#include "chat/turns.h"

#include <unordered_map>

namespace gantry::chat {

std::string_view role_of(const Json& message) {
  const auto role = message.find("role");
  return role == message.end() || !role->is_string() ? std::string_view() : role->get<std::string_view>();
}

bool is_system(const Json& message) {
  const std::string_view role = role_of(message);
  return role == "system" || role == "developer";
}

bool is_result(const Json& message) {
  const std::string_view role = role_of(message);
  return role == "tool" || role == "function";
}

bool calls_tools(const Json& message) {
  const auto calls = message.find("tool_calls");
  return calls != message.end() && calls->is_array() && !calls->empty();
}

std::string text_of(const Message& message) { return message.words().text(); }

void append_text(std::string& text, std::string_view more) {
  if (!text.empty() && !more.empty()) text += "\n\n";
  text += more;
}

void append_words(text::Words& words, const text::Words& more) {
  if (!words.empty() && !more.empty()) words.own("\n\n");
  words += more;
}

size_t systems_in_front(const Messages& messages) {
  size_t count = 0;
  while (count < messages.size() && is_system(messages[count])) ++count;
  return count;
}

CallsOfResults::CallsOfResults(const Messages& messages)
    : messages_(messages), calls_(messages.size(), nullptr), alone_(messages.size(), false) {
  const Json* calls = nullptr;  // of the nearest turn, while only results follow it
  std::unordered_map<std::string_view, const Json*> by_id;
  for (size_t i = 0; i < messages.size(); ++i) {
    if (!is_result(messages[i])) {
      calls = calls_tools(messages[i]) ? &messages[i]["tool_calls"] : nullptr;
      by_id.clear();
      if (calls == nullptr) continue;
      for (const Json& call : *calls)
        if (const auto id = call.find("id"); id != call.end() && id->is_string())
          by_id.emplace(id->get<std::string_view>(), &call);
      continue;
    }
    alone_[i] = calls == nullptr;
    if (calls == nullptr) continue;
    const Json& result = messages[i];
    const auto id = result.find("tool_call_id");
    const auto found =
        id != result.end() && id->is_string() ? by_id.find(id->get<std::string_view>()) : by_id.end();
    calls_[i] = found != by_id.end() ? found->second : calls->size() == 1 ? &(*calls)[0] : nullptr;
  }
}

std::string CallsOfResults::name(size_t at) const {
  if (calls_[at] != nullptr && calls_[at]->contains("function"))
    return (*calls_[at])["function"].value("name", "");
  const Json& result = messages_[at];
  const auto name = result.find("name");
  return name != result.end() && name->is_string() ? name->get<std::string>() : std::string();
}

}  // namespace gantry::chat
