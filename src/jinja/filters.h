// Jinja's filters and tests by name, with what Hugging Face transformers puts in their place (tojson).
#pragma once

#include <span>
#include <string_view>

#include "jinja/env.h"
#include "jinja/value.h"

namespace gantry::jinja {

using FilterFunction = Value (*)(Env& env, const Value& input, CallArgs& args);
struct FilterRow {
  const char* name;
  FilterFunction function;
};

using TestFunction = bool (*)(Env& env, const Value& input, CallArgs& args);
struct TestRow {
  const char* name;
  TestFunction function;
};

// nullptr when there is none.
const FilterRow* find_filter(std::string_view name);
const TestRow* find_test(std::string_view name);

// The parts of the table; one file each.
std::span<const FilterRow> text_filters();
std::span<const FilterRow> number_filters();
std::span<const FilterRow> sequence_filters();
std::span<const FilterRow> lazy_filters();
std::span<const FilterRow> markup_filters();

// obj.part.part of "part.part" or a number, as filters' `attribute` arguments say it.
class AttributeGetter {
 public:
  // `fallback` (missing: none) stands for every undefined step.
  AttributeGetter(Env& env, const Value& attribute, Value fallback = Value::missing());
  Value get(Env& env, const Value& item) const;

 private:
  Values parts_;
  Value fallback_;
};

// Lower case when it is a string.
Value ignore_case(Env& env, const Value& value);

}  // namespace gantry::jinja
