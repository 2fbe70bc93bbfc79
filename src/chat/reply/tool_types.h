// What the request's tools say about their names and arguments. Immutable; any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "chat/chat_template.h"

namespace gantry::chat {

enum class ArgumentType : uint8_t { kUnknown, kText, kOther };

class ToolTypes {
 public:
  ToolTypes() = default;
  // OpenAI's tools: a list, or null. What has another shape is passed over.
  explicit ToolTypes(const Json& tools);

  bool knows(std::string_view tool) const { return tools_.contains(tool); }
  ArgumentType type(std::string_view tool, std::string_view argument) const;

 private:
  using Arguments = std::map<std::string, ArgumentType, std::less<>>;
  std::map<std::string, Arguments, std::less<>> tools_;
};

}  // namespace gantry::chat
