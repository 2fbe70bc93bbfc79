// Appends JSON to a string, member by member, without a tree. Strings that are not UTF-8 get U+FFFD in place
// of what is wrong; numbers that JSON does not have become null. The caller keeps brackets balanced.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::api {

class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(&out) {}

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);

  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(const std::string& text) { return value(std::string_view(text)); }
  JsonWriter& value(bool truth) { return raw(truth ? "true" : "false"); }
  JsonWriter& value(double number);
  template <std::integral T>
  JsonWriter& value(T number) {
    return raw(std::to_string(number));
  }
  // One string, whose characters come in parts of whole UTF-8.
  JsonWriter& begin_string();
  JsonWriter& characters(std::string_view part);
  JsonWriter& end_string() { return close('"'); }
  JsonWriter& null() { return raw("null"); }
  JsonWriter& value_or_null(std::string_view text) { return text.empty() ? null() : value(text); }
  // JSON that is already written.
  JsonWriter& raw(std::string_view json);

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  void separate();

  std::string* out_;
  bool first_ = true;  // of the innermost array or object
};

}  // namespace gantry::api
