// Python's operators on values. All throw TemplateError: kType as Python's TypeError and its kin, kLimit over
// a limit of the Env.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "jinja/env.h"
#include "jinja/value.h"

namespace gantry::jinja {

// Python's name of the type: "NoneType", "str", "dict_keys".
std::string type_name(const Value& value);
// Jinja's way to name a thing in messages: "None", "str object".
std::string describe(const Value& value);

bool truth(Env& env, const Value& value);
bool equal(Env& env, const Value& a, const Value& b);
bool same(const Value& a, const Value& b);  // the operator `is`
size_t hash_value(Env& env, const Value& value);
// "<", "<=", ">", ">=".
bool ordered(Env& env, const Value& a, const Value& b, const char* op);
inline bool less(Env& env, const Value& a, const Value& b) { return ordered(env, a, b, "<"); }
bool contains(Env& env, const Value& container, const Value& item);

Value add(Env& env, const Value& a, const Value& b);
Value subtract(Env& env, const Value& a, const Value& b);
Value multiply(Env& env, const Value& a, const Value& b);
Value divide(Env& env, const Value& a, const Value& b);
Value floor_divide(Env& env, const Value& a, const Value& b);
Value modulo(Env& env, const Value& a, const Value& b);
Value power(Env& env, const Value& a, const Value& b);
Value negate(Env& env, const Value& a);
Value positive(Env& env, const Value& a);

// nullopt where Python's len() refuses.
std::optional<int64_t> try_length(Env& env, const Value& value);
int64_t length(Env& env, const Value& value);

// nullptr where Python's iter() refuses.
Ref<Iterator> try_iterate(Env& env, const Value& value);
Ref<Iterator> iterate(Env& env, const Value& value);
Ref<Iterator> iterate_reversed(Env& env, const Value& value);  // nullptr where reversed() refuses
Values collect(Env& env, const Value& iterable);

// value[key] as Python does it; missing where Python raises TypeError or LookupError.
Value try_subscript(Env& env, const Value& value, const Value& key);
// The attribute as Python's getattr finds it, with Jinja's sandbox applied; missing where there is none.
Value try_attribute(Env& env, const Value& value, const Value& name);
// Jinja's value.name and value[key].
Value get_attribute(Env& env, const Value& value, const Value& name);
Value get_item(Env& env, const Value& value, const Value& key);
// value[start:stop:step]; parts may be None.
Value get_slice(Env& env, const Value& value, const Value& start, const Value& stop, const Value& step);

// An index or count: int or bool, else TypeError. Clamped to int64.
int64_t to_index(const Value& value);

// Stable; `before` may throw.
using Keyed = std::pair<Value, Value>;  // key, value
using KeyedValues = std::vector<Keyed, CountingAllocator<Keyed>>;
void sort_keyed(Env& env, KeyedValues& rows, bool reverse);

}  // namespace gantry::jinja
