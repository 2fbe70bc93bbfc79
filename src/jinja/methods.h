// Methods of Python's types, by name.
#pragma once

#include <span>
#include <string_view>
#include <utility>

#include "jinja/value.h"

namespace gantry::jinja {

struct MethodRow {
  const char* name;
  NativeMethod method;
  bool changes = false;  // the immutable sandbox refuses it
};

std::span<const MethodRow> string_methods();
std::span<const MethodRow> string_form_methods();      // format, translate, encode
std::span<const MethodRow> string_question_methods();  // isalpha and its kin
std::span<const MethodRow> list_methods();
std::span<const MethodRow> tuple_methods();
std::span<const MethodRow> dict_methods();
std::span<const MethodRow> range_methods();
std::span<const MethodRow> bytes_methods();

// dict(source): a mapping or an iterable of pairs.
void fill_dict(Env& env, DictObject& out, const Value& source);

// Another text of the kind of string that `self` is.
inline Value like(const Value& self, Text text) { return Value::string(std::move(text), self.markup()); }

// Parts of string methods that filters use as well.
Range strip_text(std::string_view text, const std::string* chars, bool left, bool right);  // what is left
Text replace_text(Env& env, const Text& text, const std::string& old, const Text& fresh, int64_t count);
Parts split_lines(std::string_view text, bool keep_ends);
Parts split_space(std::string_view text, int64_t limit);
Text center_text(Env& env, const Value& text, int64_t width, const Text& fill);
Text join_values(Env& env, const Value& separator, const Value& items, bool strict);

}  // namespace gantry::jinja
