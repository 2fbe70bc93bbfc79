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
  for (Message& message : conversation.messages) {
    const Json& fields = message;
    if (const auto call = fields.find("function_call"); call != fields.end()) {
      ++count;
      Json function = *call;
      message.erase("function_call");
      if (!calls_tools(message)) message.calls() = Json::array();
      message.calls().push_back(
          Json::object({{"id", id()}, {"type", "function"}, {"function", std::move(function)}}));
      changed = true;
    } else if (role_of(message) == "function") {
      message.set("role", "tool");
      if (!fields.contains("tool_call_id")) message.set("tool_call_id", id());
      changed = true;
    }
  }
  return changed;
}

// In front of everything, as a system would say it.
bool say_tools_in_words(Conversation& conversation, const Ground& ground) {
  if (!conversation.tools.is_array() || conversation.tools.empty()) return false;
  const text::Words tools = tools_in_words(conversation.tools, ground.format);
  Messages& messages = conversation.messages;
  if (systems_in_front(messages) > 0) {
    text::Words words = messages[0].words();
    append_words(words, tools);
    messages[0].say(words);
  } else {
    messages.insert(messages.begin(), Message("system", tools));
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
