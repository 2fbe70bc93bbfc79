#include "chat/expressed.h"

#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"

namespace gantry::chat {
namespace {

constexpr size_t kShort = 16;  // bytes: shorter texts may stand in a prompt by chance

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// The template has `word`, not only a longer one that begins or ends so, behind a character that `fits`.
template <typename Fits>
bool has_word(std::string_view source, std::string_view word, const Fits& fits) {
  for (size_t at = source.find(word); at != std::string_view::npos; at = source.find(word, at + 1)) {
    const size_t end = at + word.size();
    const char before = at == 0 ? ' ' : source[at - 1];
    if (!is_letter(before) && fits(before) && (end == source.size() || !is_letter(source[end]))) return true;
  }
  return false;
}

bool begins_member(char c) { return c == '.' || c == '\'' || c == '"'; }

bool mentions(std::string_view source, std::string_view word) {
  return has_word(source, word, [](char) { return true; });
}

// A member of that name.
bool reads(std::string_view source, std::string_view member) {
  return has_word(source, member, begins_member);
}

// A variable of that name; or a word of the template's own text, which cannot be told from one.
bool names(std::string_view source, std::string_view variable) {
  return has_word(source, variable, [](char c) { return !begins_member(c); });
}

[[noreturn]] void refuse(const std::string& what, const std::string& where) {
  throw Error(ErrorCode::kInvalidRequest, "the model's chat template has no words for " + what, where,
              "leave it out, or give the server another template with `chat_template`");
}

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

// Another text in the place of message i makes another prompt: of the whole conversation, or of that up to
// its last user (Mistral writes the system's words only where a user has the last).
bool is_seen(const Conversation& conversation, size_t i,
             const std::function<std::string(const Conversation&)>& render) {
  const auto changes = [&](const Conversation& one) {
    Conversation other = one;
    other.messages[i]["content"] = "the words of another message";
    return render(one) != render(other);
  };
  if (changes(conversation)) return true;
  size_t end = conversation.messages.size();
  while (end > i + 1 && conversation.messages[end - 1].value("role", "") != "user") --end;
  if (end == i + 1 || end == conversation.messages.size()) return false;
  Conversation shorter = conversation;
  shorter.messages.erase(shorter.messages.begin() + static_cast<ptrdiff_t>(end), shorter.messages.end());
  return changes(shorter);
}

// A tool's name stands in the prompt, and is too long to stand there by chance.
bool shows(std::string_view prompt, const Json& tool) {
  const auto function = tool.find("function");
  if (function == tool.end()) return false;
  const auto name = function->find("name");
  if (name == function->end() || !name->is_string()) return false;
  const auto text = name->get<std::string_view>();
  return text.size() >= kShort && prompt.find(text) != std::string_view::npos;
}

}  // namespace

bool wants_tools_in_system(std::string_view source) {
  return reads(source, "tools") && !names(source, "tools");
}

void check_expressed(std::string_view source, const Conversation& conversation, std::string_view prompt,
                     const std::function<std::string(const Conversation& other)>& render) {
  if (conversation.tools.is_array() && !conversation.tools.empty()) {
    if (!mentions(source, "tools")) refuse("tools", "tools");
    if (!shows(prompt, conversation.tools[0])) {
      Conversation without = conversation;
      without.tools = nullptr;
      if (render(without) == prompt) refuse("tools", "tools");
    }
  }
  if (conversation.chat_template_kwargs.is_object())
    for (const auto& [key, value] : conversation.chat_template_kwargs.items())
      if (!mentions(source, key))
        refuse(fmt::format("'{}'", key), fmt::format("chat_template_kwargs.{}", key));
  const Json& messages = conversation.messages;
  std::set<std::pair<std::string, bool>> tried;
  for (size_t i = 0; i < messages.size(); ++i) {
    const Json& message = messages[i];
    const auto calls = message.find("tool_calls");
    const bool calls_tools = calls != message.end() && calls->is_array() && !calls->empty();
    if (calls_tools && !mentions(source, "tool_calls"))
      refuse("calls of tools", fmt::format("messages[{}].tool_calls", i));
    const auto call = message.find("function_call");
    if (call != message.end() && !call->is_null() && !reads(source, "function_call"))
      refuse("function_call", fmt::format("messages[{}].function_call", i));
    const std::string role = message.value("role", "");
    if (role == "assistant") continue;  // templates leave out old ones on purpose
    const std::string shown = message.contains("content") ? plain_beginning(message["content"]) : "";
    if (shown.empty() || messages.size() == 1) continue;
    // A short text may stand in the prompt by chance: then one message of each role, and the first, is tried.
    const bool by_chance = shown.size() < kShort && tried.insert({role, i == 0}).second;
    if (!by_chance && prompt.find(shown) != std::string_view::npos) continue;
    if (!is_seen(conversation, i, render))
      refuse("messages of role " + role, fmt::format("messages[{}].role", i));
  }
}

}  // namespace gantry::chat
