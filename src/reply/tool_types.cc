#include "reply/tool_types.h"

#include <algorithm>
#include <array>
#include <utility>

namespace gantry::reply {
namespace {

constexpr int kSchemaDepthMax = 8;
// At most so many schemas and enumeration values are read for one tool: references may be circular.
constexpr size_t kSchemaStepsMax = 4096;

const Json* member(const Json& object, std::string_view name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

ArgumentTypes type_named(const Json& name) {
  using enum ArgumentTypes::Type;
  static constexpr std::array<std::pair<std::string_view, ArgumentTypes>, 7> kNames = {{{"string", kText},
                                                                                        {"number", kNumber},
                                                                                        {"integer", kInteger},
                                                                                        {"boolean", kBoolean},
                                                                                        {"null", kNull},
                                                                                        {"object", kObject},
                                                                                        {"array", kArray}}};
  if (!name.is_string()) return {};
  for (const auto& [text, type] : kNames)
    if (name == text) return type;
  return {};
}

ArgumentTypes type_of(const Json& value) {
  using enum ArgumentTypes::Type;
  if (value.is_string()) return kText;
  if (value.is_number_integer()) return kInteger;
  if (value.is_number()) return kNumber;
  if (value.is_boolean()) return kBoolean;
  if (value.is_null()) return kNull;
  return value.is_object() ? kObject : kArray;
}

// The schema that "#/$defs/NAME" or the like refers to within `root`.
const Json* referred(const Json& root, const Json& reference) {
  if (!reference.is_string()) return nullptr;
  std::string_view path = reference.get<std::string_view>();
  if (!path.starts_with("#/")) return nullptr;
  path.remove_prefix(2);
  const Json* at = &root;
  while (at != nullptr && !path.empty()) {
    const size_t end = std::min(path.find('/'), path.size());
    at = member(*at, path.substr(0, end));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return at;
}

// The types that the schemas of one tool allow; unknown when they do not say, or are too many to be read.
class SchemaReader {
 public:
  explicit SchemaReader(const Json& root) : root_(root) {}

  ArgumentTypes types(const Json& schema) {
    const ArgumentTypes found = read(schema, 0);
    return steps_ > kSchemaStepsMax ? ArgumentTypes() : found;
  }

 private:
  ArgumentTypes read(const Json& schema, int depth) {
    ArgumentTypes out;
    if (depth > kSchemaDepthMax || ++steps_ > kSchemaStepsMax) return out;
    if (const Json* type = member(schema, "type")) {
      if (!type->is_array()) out |= type_named(*type);
      if (type->is_array() && goes_on(type->size()))
        for (const Json& one : *type) out |= type_named(one);
    } else if (const Json* values = member(schema, "enum"); values != nullptr && values->is_array()) {
      if (goes_on(values->size()))
        for (const Json& value : *values) out |= type_of(value);
    } else if (const Json* value = member(schema, "const")) {
      out |= type_of(*value);
    }
    for (const char* choice : {"anyOf", "oneOf", "allOf"}) {
      const Json* list = member(schema, choice);
      if (list == nullptr || !list->is_array()) continue;
      for (const Json& one : *list) {
        if (steps_ > kSchemaStepsMax) return {};
        const ArgumentTypes types = read(one, depth + 1);
        // One alternative that allows anything makes the whole unknown.
        if (types.unknown() && choice != std::string_view("allOf")) return {};
        out |= types;
      }
    }
    if (const Json* reference = member(schema, "$ref"))
      if (const Json* target = referred(root_, *reference)) out |= read(*target, depth + 1);
    const Json* nullable = member(schema, "nullable");
    if (!out.unknown() && nullable != nullptr && *nullable == true) out |= ArgumentTypes::kNull;
    return out;
  }

  bool goes_on(size_t values) {
    steps_ += values;
    return steps_ <= kSchemaStepsMax;
  }

  const Json& root_;
  size_t steps_ = 0;
};

}  // namespace

bool ArgumentTypes::allow(const Json& value) const {
  const ArgumentTypes type = type_of(value);
  return may(static_cast<Type>(type.bits_)) || (type == kInteger && may(kNumber));
}

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
    SchemaReader reader(*parameters);
    for (const auto& [key, schema] : properties->items()) arguments[std::string(key)] = reader.types(schema);
  }
}

ArgumentTypes ToolTypes::types(std::string_view tool, std::string_view argument) const {
  const auto found = tools_.find(tool);
  if (found == tools_.end()) return {};
  const auto types = found->second.find(argument);
  return types == found->second.end() ? ArgumentTypes() : types->second;
}

bool ToolTypes::has(std::string_view tool, std::string_view argument) const {
  const auto found = tools_.find(tool);
  return found != tools_.end() && found->second.contains(argument);
}

std::string_view ToolTypes::code_tool() const {
  for (const std::string_view name : {"python", "ipython", "code_interpreter"})
    if (knows(name)) return name;
  return {};
}

std::string_view ToolTypes::code_argument(std::string_view tool) const {
  const auto found = tools_.find(tool);
  if (found == tools_.end() || found->second.size() != 1) return "code";
  return found->second.begin()->first;
}

}  // namespace gantry::reply
