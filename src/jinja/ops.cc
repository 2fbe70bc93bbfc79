#include "jinja/ops.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "jinja/utf8.h"

namespace gantry::jinja {
namespace {

constexpr size_t kHashMix = 1000003;

bool view_is_set(const Value& value) {
  return value.is(Kind::kDictView) && value.as<DictViewObject>().view != ViewKind::kValues;
}

bool equal_items(Env& env, const Values& a, const Values& b) {
  if (a.size() != b.size()) return false;
  env.charge(a.size());
  for (size_t i = 0; i < a.size(); ++i) {
    if (!same(a[i], b[i]) && !equal(env, a[i], b[i])) return false;
  }
  return true;
}

bool equal_dicts(Env& env, DictObject& a, DictObject& b) {
  if (a.entries.size() != b.entries.size()) return false;
  for (auto& [key, value] : a.entries) {
    env.charge(1);
    Value* other = b.find(env, key);
    if (other == nullptr || !(same(value, *other) || equal(env, value, *other))) return false;
  }
  return true;
}

bool equal_views(Env& env, const Value& a, const Value& b) {
  if (length(env, a) != length(env, b)) return false;
  Ref<Iterator> items = iterate(env, a);
  for (Value item; items->next(env, item);) {
    if (!contains(env, b, item)) return false;
  }
  return true;
}

bool equal_ranges(const RangeObject& a, const RangeObject& b) {
  int64_t count = a.length();
  if (count != b.length()) return false;
  return count == 0 || (a.start == b.start && (count == 1 || a.step == b.step));
}

template <class T>
bool compare(const T& a, const T& b, const std::string& op) {
  if (op == "<") return a < b;
  if (op == "<=") return a <= b;
  if (op == ">") return a > b;
  return a >= b;
}

// Exact: a double may lie beyond every int, or between two.
bool equal_int_real(Int integer, double real) {
  constexpr double kIntBound = 1.7014118346046923e38;  // 2^127
  return std::isfinite(real) && std::abs(real) < kIntBound && std::floor(real) == real &&
         static_cast<Int>(real) == integer;
}

}  // namespace

bool truth(Env& env, const Value& value) {
  if (value.is(Kind::kBool)) return value.as_bool();
  if (value.is(Kind::kInt)) return value.as_int() != 0;
  if (value.is(Kind::kFloat)) return value.as_real() != 0.0;
  if (value.is_none() || value.is_undefined() || value.is_missing()) return false;
  if (value.is_string()) return !value.str().empty();
  if (value.is_sequence()) return !value.items().empty();
  if (value.is(Kind::kDict)) return !value.as<DictObject>().entries.empty();
  return try_length(env, value).value_or(1) != 0;
}

bool same(const Value& a, const Value& b) {
  if (a.kind() != b.kind()) return false;
  if (a.is(Kind::kBool)) return a.as_bool() == b.as_bool();
  // Python shares small ints and no floats; a template can hardly tell.
  if (a.is(Kind::kInt)) return a.as_int() == b.as_int();
  if (a.is(Kind::kFloat)) return a.as_real() == b.as_real();
  if (a.is_string()) return a.raw() == b.raw() || (a.str() == b.str() && a.markup() == b.markup());
  return a.is_none() || a.is_missing() || a.raw() == b.raw();
}

bool equal(Env& env, const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) {
    if (a.is_integral() && b.is_integral()) return a.as_int() == b.as_int();
    if (a.is_integral()) return equal_int_real(a.as_int(), b.as_real());
    if (b.is_integral()) return equal_int_real(b.as_int(), a.as_real());
    return a.as_real() == b.as_real();
  }
  if (a.is_string() && b.is_string()) {
    env.charge(1 + a.str().size() / 64);
    return a.str() == b.str();
  }
  if (view_is_set(a) && view_is_set(b)) return equal_views(env, a, b);
  if (a.kind() != b.kind()) return false;
  if (a.is_none() || a.is_undefined()) return true;
  if (a.raw() == b.raw()) return true;
  if (a.is_sequence() || a.is(Kind::kDict)) {
    DepthGuard guard(env);
    if (a.is_sequence()) return equal_items(env, a.items(), b.items());
    return equal_dicts(env, a.as<DictObject>(), b.as<DictObject>());
  }
  if (a.is(Kind::kBytes)) return a.as<BytesObject>().data == b.as<BytesObject>().data;
  if (a.is(Kind::kRange)) return equal_ranges(a.as<RangeObject>(), b.as<RangeObject>());
  return false;
}

size_t hash_value(Env& env, const Value& value) {
  if (value.is_integral()) return std::hash<int64_t>()(static_cast<int64_t>(value.as_int()));
  if (value.is(Kind::kFloat)) {
    double real = value.as_real();
    constexpr double kExact = 9.0e18;
    if (std::isfinite(real) && std::floor(real) == real && std::abs(real) < kExact) {
      return std::hash<int64_t>()(static_cast<int64_t>(real));
    }
    return std::isfinite(real) && std::floor(real) == real ? 0 : std::hash<double>()(real);
  }
  if (value.is_string()) {
    env.charge(1 + value.str().size() / 64);
    return std::hash<std::string>()(value.str());
  }
  if (value.is_none() || value.is_undefined()) return static_cast<size_t>(value.kind());
  if (value.is(Kind::kTuple)) {
    DepthGuard guard(env);
    env.charge(value.items().size());
    size_t hash = value.items().size();
    for (const Value& item : value.items()) hash = hash * kHashMix + hash_value(env, item);
    return hash;
  }
  if (value.is(Kind::kBytes)) return std::hash<std::string>()(value.as<BytesObject>().data);
  if (value.is(Kind::kList) || value.is(Kind::kDict) || view_is_set(value)) {
    fail_type("unhashable type: '" + type_name(value) + "'");
  }
  if (value.is(Kind::kRange)) return static_cast<size_t>(value.as<RangeObject>().length());
  return std::hash<const void*>()(value.raw());
}

namespace {

bool ordered_items(Env& env, const Values& a, const Values& b, const std::string& op) {
  env.charge(std::min(a.size(), b.size()));
  for (size_t i = 0; i < a.size() && i < b.size(); ++i) {
    if (same(a[i], b[i]) || equal(env, a[i], b[i])) continue;
    return ordered(env, a[i], b[i], op.c_str());
  }
  return compare(a.size(), b.size(), op);
}

bool ordered_views(Env& env, const Value& a, const Value& b, const std::string& op) {
  const Value& smaller = op[0] == '<' ? a : b;
  const Value& larger = op[0] == '<' ? b : a;
  if (op.size() == 1 && length(env, smaller) >= length(env, larger)) return false;
  Ref<Iterator> items = iterate(env, smaller);
  for (Value item; items->next(env, item);) {
    if (!contains(env, larger, item)) return false;
  }
  return true;
}

}  // namespace

bool ordered(Env& env, const Value& a, const Value& b, const char* op_text) {
  std::string op = op_text;
  for (const Value* side : {&a, &b}) {
    if (side->is_undefined()) fail_type(side->as<UndefinedObject>().message);
  }
  if (a.is_number() && b.is_number()) {
    if (a.is_integral() && b.is_integral()) return compare(a.as_int(), b.as_int(), op);
    // long double holds every int64 and every double exactly.
    auto wide = [](const Value& v) {
      return v.is_integral() ? static_cast<long double>(v.as_int()) : static_cast<long double>(v.as_real());
    };
    return compare(wide(a), wide(b), op);
  }
  if (a.is_string() && b.is_string()) {
    env.charge(1 + std::min(a.str().size(), b.str().size()) / 64);
    return compare(a.str(), b.str(), op);  // UTF-8 sorts as code points do
  }
  if (a.is_sequence() && a.kind() == b.kind()) {
    DepthGuard guard(env);
    return ordered_items(env, a.items(), b.items(), op);
  }
  if (a.is(Kind::kBytes) && b.is(Kind::kBytes)) {
    return compare(a.as<BytesObject>().data, b.as<BytesObject>().data, op);
  }
  if (view_is_set(a) && view_is_set(b)) return ordered_views(env, a, b, op);
  fail_type("'" + op + "' not supported between instances of '" + type_name(a) + "' and '" + type_name(b) +
            "'");
}

bool contains(Env& env, const Value& container, const Value& item) {
  if (container.is_string()) {
    if (!item.is_string()) {
      fail_type("'in <string>' requires string as left operand, not " + type_name(item));
    }
    env.charge(1 + container.str().size() / 64);
    return find_text(container.str(), item.str()) != std::string::npos;
  }
  if (container.is(Kind::kDict)) return container.as<DictObject>().find(env, item) != nullptr;
  if (container.is(Kind::kDictView)) {
    auto& view = container.as<DictViewObject>();
    if (view.view == ViewKind::kKeys) return view.dict->find(env, item) != nullptr;
    if (view.view == ViewKind::kItems) {
      if (!item.is(Kind::kTuple) || item.items().size() != 2) return false;
      Value* found = view.dict->find(env, item.items()[0]);
      return found != nullptr && equal(env, *found, item.items()[1]);
    }
  }
  if (container.is_undefined()) return false;
  if (container.is(Kind::kBytes)) {
    const std::string& data = container.as<BytesObject>().data;
    env.charge(1 + data.size() / 64);
    if (item.is(Kind::kBytes)) return find_text(data, item.as<BytesObject>().data) != std::string::npos;
    if (!item.is_integral()) fail_type("a bytes-like object is required, not '" + type_name(item) + "'");
    if (item.as_int() < 0 || item.as_int() > 0xff) fail_type("byte must be in range(0, 256)");
    return data.find(static_cast<char>(static_cast<unsigned char>(item.as_int()))) != std::string::npos;
  }
  Ref<Iterator> items = try_iterate(env, container);
  if (!items) fail_type("argument of type '" + type_name(container) + "' is not iterable");
  for (Value other; items->next(env, other);) {
    if (same(other, item) || equal(env, other, item)) return true;
  }
  return false;
}

int64_t to_index(const Value& value) {
  if (!value.is_integral()) {
    if (value.is_undefined()) fail_type(value.as<UndefinedObject>().message);
    fail_type("'" + type_name(value) + "' object cannot be interpreted as an integer");
  }
  Int wide = value.as_int();
  constexpr Int kMax = std::numeric_limits<int64_t>::max();
  return static_cast<int64_t>(std::min(std::max(wide, -kMax), kMax));
}

namespace {

void merge(Env& env, KeyedValues& rows, KeyedValues& spare, size_t begin, size_t middle, size_t end) {
  size_t left = begin, right = middle, out = begin;
  while (left < middle && right < end) {
    env.charge(1);
    // Only "<" is asked, as Python's sort does.
    bool take_right = less(env, rows[right].first, rows[left].first);
    spare[out++] = std::move(take_right ? rows[right++] : rows[left++]);
  }
  while (left < middle) spare[out++] = std::move(rows[left++]);
  while (right < end) spare[out++] = std::move(rows[right++]);
}

}  // namespace

void sort_keyed(Env& env, KeyedValues& rows, bool reverse) {
  if (reverse) std::reverse(rows.begin(), rows.end());
  KeyedValues spare(rows.size());
  for (size_t width = 1; width < rows.size(); width *= 2) {
    for (size_t begin = 0; begin < rows.size(); begin += 2 * width) {
      merge(env, rows, spare, begin, std::min(begin + width, rows.size()),
            std::min(begin + 2 * width, rows.size()));
    }
    rows.swap(spare);
  }
  if (reverse) std::reverse(rows.begin(), rows.end());
}

}  // namespace gantry::jinja
