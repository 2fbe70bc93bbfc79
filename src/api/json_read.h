// JSON from a client: bounded in depth and in number of values before a tree is built, then read field by
// field by a table, so that each wrong type or range is refused by the field's name.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>

#include "api/field_names.h"
#include "http/http.h"
#include "text/json.h"

namespace gantry::api {

// The body as an object. Refusal 400 (413 for too many values) with the place of a syntax error.
Json parse_object(std::string_view body);

enum class FieldKind : uint8_t { kBool, kInteger, kNumber, kString, kArray, kObject, kAny };

// One field that a request may have. Range: of a number its value, of a string its bytes, of an array or
// object its items. `null` is the same as absent.
template <typename Target>
struct Field {
  std::string_view name;
  FieldKind kind;
  double low, high;
  void (*store)(Target& target, const Json& value);
  std::string_view neutral = {};  // the house's word for it, where it has another
};

inline constexpr double kAnyNumber = std::numeric_limits<double>::max();

// Refusal 400 naming the field unless `value` is of that kind and in range.
void check_field(std::string_view name, FieldKind kind, double low, double high, const Json& value);

// Unknown fields are ignored. `names` learns what the client calls things.
template <typename Target>
void read_fields(const Json& object, std::span<const Field<Target>> table, Target& target,
                 FieldNames* names = nullptr) {
  for (const Field<Target>& field : table) {
    const auto found = object.find(field.name);
    if (found == object.end() || found->is_null()) continue;
    check_field(field.name, field.kind, field.low, field.high, *found);
    field.store(target, *found);
    if (names != nullptr && !field.neutral.empty()) names->add(field.neutral, field.name);
  }
}

// "a string", "an array", ... for messages.
const char* kind_of(const Json& value);

}  // namespace gantry::api
