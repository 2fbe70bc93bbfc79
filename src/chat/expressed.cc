#include "chat/expressed.h"

#include <set>
#include <utility>

#include <fmt/format.h>

#include "chat/source.h"
#include "chat/turns.h"

namespace gantry::chat {
namespace {

constexpr size_t kShort = 16;  // bytes: shorter texts may stand in a prompt by chance

// The first line of a message's text, as far as every way of quoting leaves it as it is.
std::string plain_beginning(const Json& content) {
  const Json* text = &content;
  if (content.is_array() && !content.empty() && content[0].contains("text")) text = &content[0]["text"];
  if (!text->is_string()) return {};
  const auto all = text->get<std::string_view>();
  const size_t first = all.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return std::string(all.substr(first, all.find_first_of("\r\n\t\"'\\<>&", first) - first));
}

// Another text in the place of message i makes another prompt: of the whole conversation, or (`ever`) of that
// up to its last user (Mistral writes the system's words only where a user has the last).
bool is_seen(const Conversation& conversation, size_t i, bool ever,
             const std::function<std::string(const Conversation&)>& render) {
  const auto changes = [&](const Conversation& one) {
    Conversation other = one;
    other.messages[i].set("content", "the words of another message");
    return render(one) != render(other);
  };
  if (changes(conversation)) return true;
  if (!ever) return false;
  size_t end = conversation.messages.size();
  while (end > i + 1 && role_of(conversation.messages[end - 1]) != "user") --end;
  if (end == i + 1 || end == conversation.messages.size()) return false;
  Conversation shorter = conversation;
  shorter.messages.erase(shorter.messages.begin() + static_cast<ptrdiff_t>(end), shorter.messages.end());
  return changes(shorter);
}

bool stands_in(std::string_view prompt, const Json& object, const char* member) {
  const auto found = object.find(member);
  if (found == object.end() || !found->is_string()) return false;
  const std::string text = plain_beginning(*found);
  return text.size() >= kShort && prompt.find(text) != std::string_view::npos;
}

// A tool's name or description stands in the prompt, and is too long to stand there by chance. A name that
// was called stands there anyhow.
bool shows(std::string_view prompt, const Conversation& conversation) {
  const auto function = conversation.tools[0].find("function");
  if (function == conversation.tools[0].end()) return false;
  if (stands_in(prompt, *function, "description")) return true;
  for (const Json& message : conversation.messages)
    if (calls_tools(message) || is_result(message)) return false;
  return stands_in(prompt, *function, "name");
}

}  // namespace

bool wants_tools_in_system(std::string_view source) {
  return reads(source, "tools") && !names(source, "tools");
}

bool wants_functions(std::string_view source) {
  return names(source, "functions") && !mentions(source, "tools");
}

std::optional<Missing> find_missing(std::string_view source, const Conversation& conversation,
                                    std::string_view prompt, bool ever,
                                    const std::function<std::string(const Conversation& other)>& render) {
  if (conversation.tools.is_array() && !conversation.tools.empty()) {
    const Missing tools{Problem::kTools, "tools", "tools"};
    if (!mentions(source, "tools") && !wants_functions(source)) return tools;
    if (!shows(prompt, conversation)) {
      Conversation without = conversation;
      without.tools = nullptr;
      if (render(without) == prompt) return tools;
    }
  }
  if (conversation.chat_template_kwargs.is_object())
    for (const auto& [key, value] : conversation.chat_template_kwargs.items())
      if (!mentions(source, key))
        return Missing{Problem::kRefused, fmt::format("'{}'", key),
                       fmt::format("chat_template_kwargs.{}", key)};
  const Messages& messages = conversation.messages;
  std::set<std::pair<std::string, bool>> tried;
  for (size_t i = 0; i < messages.size(); ++i) {
    const Json& message = messages[i];
    if (calls_tools(message) && !mentions(source, "tool_calls"))
      return Missing{Problem::kCalls, "calls of tools", fmt::format("messages[{}].tool_calls", i)};
    const auto call = message.find("function_call");
    if (call != message.end() && !call->is_null() && !reads(source, "function_call"))
      return Missing{Problem::kFunctions, "function_call", fmt::format("messages[{}].function_call", i)};
    const std::string role(role_of(message));
    if (role == "assistant") continue;  // templates leave out old ones on purpose
    const std::string shown = message.contains("content") ? plain_beginning(message["content"]) : "";
    if (shown.empty() || messages.size() == 1) continue;
    // A short text may stand in the prompt by chance: then one message of each role, and the first, is tried.
    const bool by_chance = shown.size() < kShort && tried.insert({role, i == 0}).second;
    if (!by_chance && prompt.find(shown) != std::string_view::npos) continue;
    if (is_seen(conversation, i, ever, render)) continue;
    const Problem problem = is_system(message)   ? Problem::kSystem
                            : is_result(message) ? Problem::kResults
                                                 : Problem::kTurns;
    return Missing{problem, "messages of role " + role, fmt::format("messages[{}].role", i)};
  }
  return std::nullopt;
}

}  // namespace gantry::chat
