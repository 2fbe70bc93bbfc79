// Jinja's tests.
#include <unordered_map>

#include "jinja/args.h"
#include "jinja/filters.h"
#include "jinja/format.h"
#include "jinja/ops.h"
#include "jinja/unicode.h"
#include "jinja/utf8.h"

namespace gantry::jinja {
namespace {

template <bool (*kAsk)(Env&, const Value&)>
bool plain(Env& env, const Value& input, CallArgs& args) {
  Bound bound("test", args, {});
  return kAsk(env, input);
}

bool is_odd(Env& env, const Value& v) {
  return equal(env, modulo(env, v, Value::integer(2)), Value::integer(1));
}
bool is_even(Env& env, const Value& v) {
  return equal(env, modulo(env, v, Value::integer(2)), Value::integer(0));
}
bool is_defined(Env&, const Value& v) { return !v.is_undefined(); }
bool is_undefined(Env&, const Value& v) { return v.is_undefined(); }
bool is_none(Env&, const Value& v) { return v.is_none(); }
bool is_boolean(Env&, const Value& v) { return v.is(Kind::kBool); }
bool is_false(Env&, const Value& v) { return v.is(Kind::kBool) && !v.as_bool(); }
bool is_true(Env&, const Value& v) { return v.is(Kind::kBool) && v.as_bool(); }
bool is_integer(Env&, const Value& v) { return v.is(Kind::kInt); }
bool is_float(Env&, const Value& v) { return v.is(Kind::kFloat); }
bool is_string(Env&, const Value& v) { return v.is_string(); }
bool is_mapping(Env&, const Value& v) { return v.is(Kind::kDict); }
bool is_number(Env&, const Value& v) { return v.is_number(); }
bool is_escaped(Env&, const Value& v) { return v.markup(); }
bool is_iterable(Env& env, const Value& v) {
  return v.is(Kind::kLoop) || static_cast<bool>(try_iterate(env, v));
}

bool is_sequence(Env&, const Value& v) {
  return v.is_sequence() || v.is_string() || v.is(Kind::kDict) || v.is(Kind::kRange) || v.is(Kind::kBytes) ||
         v.is_undefined();
}

bool is_callable(Env&, const Value& v) {
  return v.is(Kind::kFunction) || v.is(Kind::kMethod) || v.is(Kind::kMacro) || v.is(Kind::kLoop) ||
         v.is(Kind::kJoiner) || v.is_undefined();
}

template <bool kUpper>
bool one_case(Env& env, const Value& v) {
  const std::string text = to_str(env, v).str();
  bool any = false;
  for (size_t at = 0; at < text.size();) {
    uint32_t code = utf8_next(text, at);
    if ((kUpper ? is_lower(code) : is_upper(code)) || is_title(code)) return false;
    any = any || (kUpper ? is_upper(code) : is_lower(code));
  }
  return any;
}

bool is_filter(Env& env, const Value& v) {
  hash_value(env, v);
  return v.is_string() && find_filter(v.str()) != nullptr;
}
bool is_test(Env& env, const Value& v) {
  hash_value(env, v);
  return v.is_string() && find_test(v.str()) != nullptr;
}

template <bool (*kAsk)(Env&, const Value&, const Value&)>
bool with_other(Env& env, const Value& input, CallArgs& args) {
  Bound bound("test", args, {"other"}, 1);
  return kAsk(env, input, bound[0]);
}

bool ne(Env& env, const Value& a, const Value& b) { return !equal(env, a, b); }
bool lt(Env& env, const Value& a, const Value& b) { return ordered(env, a, b, "<"); }
bool le(Env& env, const Value& a, const Value& b) { return ordered(env, a, b, "<="); }
bool gt(Env& env, const Value& a, const Value& b) { return ordered(env, a, b, ">"); }
bool ge(Env& env, const Value& a, const Value& b) { return ordered(env, a, b, ">="); }
bool is_same(Env&, const Value& a, const Value& b) { return same(a, b); }

bool is_in(Env& env, const Value& input, CallArgs& args) {
  Bound bound("in", args, {"seq"}, 1);
  return contains(env, bound[0], input);
}

bool divisibleby(Env& env, const Value& input, CallArgs& args) {
  Bound bound("divisibleby", args, {"num"}, 1);
  return equal(env, modulo(env, input, bound[0]), Value::integer(0));
}

constexpr TestRow kTestRows[] = {
    {"odd", plain<is_odd>},
    {"even", plain<is_even>},
    {"divisibleby", divisibleby},
    {"defined", plain<is_defined>},
    {"undefined", plain<is_undefined>},
    {"filter", plain<is_filter>},
    {"test", plain<is_test>},
    {"none", plain<is_none>},
    {"boolean", plain<is_boolean>},
    {"false", plain<is_false>},
    {"true", plain<is_true>},
    {"integer", plain<is_integer>},
    {"float", plain<is_float>},
    {"lower", plain<one_case<false>>},
    {"upper", plain<one_case<true>>},
    {"string", plain<is_string>},
    {"mapping", plain<is_mapping>},
    {"number", plain<is_number>},
    {"sequence", plain<is_sequence>},
    {"iterable", plain<is_iterable>},
    {"callable", plain<is_callable>},
    {"sameas", with_other<is_same>},
    {"escaped", plain<is_escaped>},
    {"in", is_in},
    {"==", with_other<equal>},
    {"eq", with_other<equal>},
    {"equalto", with_other<equal>},
    {"!=", with_other<ne>},
    {"ne", with_other<ne>},
    {">", with_other<gt>},
    {"gt", with_other<gt>},
    {"greaterthan", with_other<gt>},
    {"ge", with_other<ge>},
    {">=", with_other<ge>},
    {"<", with_other<lt>},
    {"lt", with_other<lt>},
    {"lessthan", with_other<lt>},
    {"<=", with_other<le>},
    {"le", with_other<le>},
};

}  // namespace

const TestRow* find_test(std::string_view name) {
  static const auto table = [] {
    std::unordered_map<std::string_view, const TestRow*> rows;
    for (const TestRow& row : kTestRows) rows.emplace(row.name, &row);
    return rows;
  }();
  auto it = table.find(name);
  return it == table.end() ? nullptr : it->second;
}

}  // namespace gantry::jinja
