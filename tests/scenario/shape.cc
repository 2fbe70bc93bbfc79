#include "tests/scenario/shape.h"

namespace gantry::testing {
namespace {

using nlohmann::json;

bool is_kind(const std::string& kind, const json& value) {
  if (kind == "$string") return value.is_string();
  if (kind == "$string?") return value.is_string() || value.is_null();
  if (kind == "$integer") return value.is_number_integer();
  if (kind == "$number") return value.is_number();
  if (kind == "$bool") return value.is_boolean();
  if (kind == "$null") return value.is_null();
  if (kind.starts_with("$prefix:"))
    return value.is_string() && value.get<std::string>().starts_with(kind.substr(8));
  if (kind.starts_with("$contains:"))
    return value.is_string() && value.get<std::string>().find(kind.substr(10)) != std::string::npos;
  return kind == "$any";
}

std::string array_misfit(const json& shape, const json& value, const std::string& path) {
  if (!value.is_array()) return path + ": no array";
  if (shape.contains("$count") && value.size() != shape["$count"].get<size_t>())
    return path + ": has " + std::to_string(value.size()) + " items";
  if (!shape.contains("$each")) return {};
  for (size_t i = 0; i < value.size(); ++i)
    if (auto out = misfit(shape["$each"], value[i], path + "[" + std::to_string(i) + "]"); !out.empty())
      return out;
  return {};
}

std::string object_misfit(const json& shape, const json& value, const std::string& path) {
  if (shape.contains("$each") || shape.contains("$count")) return array_misfit(shape, value, path);
  if (!value.is_object()) return path + ": no object";
  for (const auto& [key, member] : shape.items()) {
    if (key == "$only") continue;
    if (member == "$absent") {
      if (value.contains(key)) return path + "." + key + ": is there";
      continue;
    }
    if (!value.contains(key)) return path + "." + key + ": absent";
    if (auto out = misfit(member, value[key], path + "." + key); !out.empty()) return out;
  }
  if (!shape.value("$only", false)) return {};
  for (const auto& [key, member] : value.items())
    if (!shape.contains(key)) return path + "." + key + ": not in the shape";
  return {};
}

}  // namespace

std::string misfit(const json& shape, const json& value, const std::string& path) {
  if (shape.is_string() && shape.get<std::string>().starts_with('$'))
    return is_kind(shape.get<std::string>(), value) ? std::string()
                                                    : path + ": " + value.dump() + " is not " + shape.dump();
  if (shape.is_object()) return object_misfit(shape, value, path);
  if (shape.is_array()) {
    if (!value.is_array() || value.size() != shape.size())
      return path + ": " + value.dump() + " is not an array of " + std::to_string(shape.size());
    for (size_t i = 0; i < shape.size(); ++i)
      if (auto out = misfit(shape[i], value[i], path + "[" + std::to_string(i) + "]"); !out.empty())
        return out;
    return {};
  }
  return shape == value ? std::string() : path + ": " + value.dump() + " instead of " + shape.dump();
}

}  // namespace gantry::testing
