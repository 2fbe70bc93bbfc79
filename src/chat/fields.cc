#include "chat/fields.h"

#include <utility>

#include "base/error.h"

namespace gantry::chat {

void refuse(const std::string& where, std::string what, std::string mend) {
  throw Error(ErrorCode::kInvalidRequest, std::move(what), where, std::move(mend));
}

std::string kind_of(const Json& value) {
  if (value.is_number()) return "a number";
  if (value.is_null()) return "null";
  if (value.is_array()) return "a list";
  if (value.is_object()) return "an object";
  return value.is_boolean() ? "a boolean" : "a string";
}

const Json* member(const Json& object, const char* name) {
  const auto it = object.find(name);
  return it == object.end() ? nullptr : &*it;
}

std::string_view need_text(const Json& object, const char* name, const std::string& where) {
  const Json* value = member(object, name);
  const std::string field = where + "." + name;
  if (value == nullptr) refuse(field, "it is missing", "give a string");
  if (!value->is_string()) refuse(field, "it has to be a string, not " + kind_of(*value));
  return value->get<std::string_view>();
}

void check_optional_text(const Json& object, const char* name, const std::string& where) {
  const Json* value = member(object, name);
  if (value != nullptr && !value->is_null() && !value->is_string())
    refuse(where + "." + name, "it has to be a string, not " + kind_of(*value));
}

Json without_nulls(const Json& object) {
  Json out = Json::object();
  for (const auto& [name, value] : object.items())
    if (!value.is_null()) out[name] = value;
  return out;
}

}  // namespace gantry::chat
