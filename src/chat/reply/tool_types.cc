#include "chat/reply/tool_types.h"

namespace gantry::chat {
namespace {

const Json* member(const Json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

ArgumentType type_of(const Json& schema) {
  const Json* type = member(schema, "type");
  if (type == nullptr || !type->is_string()) return ArgumentType::kUnknown;
  return *type == "string" ? ArgumentType::kText : ArgumentType::kOther;
}

}  // namespace

ToolTypes::ToolTypes(const Json& tools) {
  if (!tools.is_array()) return;
  for (const Json& tool : tools) {
    const Json* function = member(tool, "function");
    if (function == nullptr) function = &tool;
    const Json* name = member(*function, "name");
    if (name == nullptr || !name->is_string()) continue;
    Arguments& arguments = tools_[name->get<std::string>()];
    const Json* parameters = member(*function, "parameters");
    const Json* properties = parameters == nullptr ? nullptr : member(*parameters, "properties");
    if (properties == nullptr || !properties->is_object()) continue;
    for (const auto& [key, schema] : properties->items()) arguments[key] = type_of(schema);
  }
}

ArgumentType ToolTypes::type(std::string_view tool, std::string_view argument) const {
  const auto found = tools_.find(tool);
  if (found == tools_.end()) return ArgumentType::kUnknown;
  const auto type = found->second.find(argument);
  return type == found->second.end() ? ArgumentType::kUnknown : type->second;
}

}  // namespace gantry::chat
