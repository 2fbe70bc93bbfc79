// Tools, and calls in the words that the API had before it had tools.
#include <fmt/format.h>

#include "chat/changes.h"
#include "chat/tools.h"
#include "chat/turns.h"

namespace gantry::chat {

bool say_functions_as_calls(Conversation& conversation, const Ground& ground) {
  if (ground.knowledge.can(Can::kFunctions)) return false;
  bool changed = false;
  size_t count = 0;
  const auto id = [&] { return fmt::format("call_{}", count); };
  for (Json& message : conversation.messages) {
    if (const auto call = message.find("function_call"); call != message.end()) {
      ++count;
      Json function = *call;
      message.erase("function_call");
      if (!calls_tools(message)) message["tool_calls"] = Json::array();
      message["tool_calls"].push_back(
          Json::object({{"id", id()}, {"type", "function"}, {"function", std::move(function)}}));
      changed = true;
    } else if (role_of(message) == "function") {
      message["role"] = "tool";
      if (!message.contains("tool_call_id")) message["tool_call_id"] = id();
      changed = true;
    }
  }
  return changed;
}

// In front of everything, as a system would say it.
bool say_tools_in_words(Conversation& conversation, const Ground& ground) {
  if (!conversation.tools.is_array() || conversation.tools.empty()) return false;
  const std::string words = tools_in_words(conversation.tools, ground.format);
  Json& messages = conversation.messages;
  if (systems_in_front(messages) > 0) {
    std::string text = text_of(messages[0]);
    append_text(text, words);
    messages[0]["content"] = text;
  } else {
    messages.insert(messages.begin(), make_message("system", words));
  }
  conversation.tools = nullptr;
  return true;
}

bool fill_in_tool_defaults(Conversation& conversation, const Ground&) {
  return conversation.tools.is_array() && fill_in_tools(conversation.tools);
}

bool simplify_tool_types(Conversation& conversation, const Ground&) {
  return conversation.tools.is_array() && simplify_tools(conversation.tools);
}

}  // namespace gantry::chat
