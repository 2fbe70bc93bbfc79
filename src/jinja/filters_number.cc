// Filters over numbers.
#include <array>
#include <cmath>
#include <cstdlib>

#include <fmt/format.h>

#include "jinja/args.h"
#include "jinja/filters.h"
#include "jinja/format.h"
#include "jinja/ops.h"
#include "jinja/spec.h"

namespace gantry::jinja {
namespace {

Value do_abs(Env& env, const Value& input, CallArgs& args) {
  refuse_named("abs", args);
  Bound bound("abs", args, {});
  if (input.is_undefined()) fail_type("bad operand type for abs(): 'Undefined'");
  if (input.is(Kind::kFloat)) return Value::real(std::abs(input.as_real()));
  if (!input.is_integral()) fail_type("bad operand type for abs(): '" + type_name(input) + "'");
  return input.as_int() < 0 ? negate(env, input) : positive(env, input);
}

Value do_int(Env&, const Value& input, CallArgs& args) {
  Bound bound("int", args, {"default", "base"});
  Value otherwise = bound.value_or(0, Value::integer(0));
  // Python only asks for the base of a text, and takes one that is none for a text that is no number.
  const bool whole_base = !bound.has(1) || bound[1].is_integral();
  int64_t base = whole_base ? bound.integer(1, 10) : 1;
  if (input.is_undefined()) fail_type(input.as<UndefinedObject>().message);
  if (input.is_integral()) return Value::integer(input.as_int());
  if (input.is(Kind::kFloat)) {
    return std::isnan(input.as_real()) ? otherwise : Value::integer(real_to_int(input.as_real()));
  }
  if (!input.is_string()) return otherwise;
  Int whole = 0;
  bool base_known = base == 0 || (base >= 2 && base <= 36);
  if (base_known && parse_int(input.str(), static_cast<int>(base), whole)) return Value::integer(whole);
  double real = 0;
  if (!parse_float(input.str(), real) || !std::isfinite(real)) return otherwise;
  return Value::integer(real_to_int(real));
}

Value do_float(Env&, const Value& input, CallArgs& args) {
  Bound bound("float", args, {"default"});
  if (input.is_undefined()) fail_type(input.as<UndefinedObject>().message);
  if (input.is_number()) return Value::real(input.as_real());
  double real = 0;
  if (input.is_string() && parse_float(input.str(), real)) return Value::real(real);
  return bound.value_or(0, Value::real(0.0));
}

// Half to even, on the exact decimal value.
double round_real(double value, int64_t precision) {
  constexpr int64_t kDigitsMax = 323;
  if (!std::isfinite(value) || precision > kDigitsMax) return value;
  if (precision >= 0)
    return std::strtod(fmt::format("{:.{}f}", value, static_cast<int>(precision)).c_str(), nullptr);
  if (precision < -308) return std::copysign(0.0, value);
  double scale = std::pow(10.0, static_cast<double>(-precision));
  return std::nearbyint(value / scale) * scale;
}

Value round_int(Int value, int64_t precision) {
  constexpr int64_t kDigits = 38;  // of the largest Int
  if (precision >= 0) return Value::integer(value);
  if (precision < -kDigits + 1) return Value::integer(0);
  Int scale = 1;
  for (int64_t i = 0; i < -precision; ++i) scale *= 10;
  Int quotient = value / scale, rest = value % scale;
  if (rest < 0) rest = -rest;
  bool up = rest > scale - rest || (rest == scale - rest && quotient % 2 != 0);
  if (up) quotient += value < 0 ? -1 : 1;
  Int out = 0;
  if (__builtin_mul_overflow(quotient, scale, &out))
    fail_limit("an integer of the template needs more than 128 bits");
  return Value::integer(out);
}

Value do_round(Env&, const Value& input, CallArgs& args) {
  Bound bound("round", args, {"precision", "method"});
  std::string method = bound.text(1, "common");
  const bool to_whole = bound.has(0) && bound[0].is_none();  // round(value, None) is an int
  int64_t precision = to_whole ? 0 : bound.integer(0, 0);
  if (method != "common" && method != "ceil" && method != "floor") {
    fail_type("method must be common, ceil or floor");
  }
  if (input.is_undefined()) fail_type(input.as<UndefinedObject>().message);
  if (!input.is_number()) fail_type("type " + type_name(input) + " doesn't define __round__ method");
  if (method == "common") {
    if (input.is_integral()) return round_int(input.as_int(), precision);
    if (to_whole) return Value::integer(real_to_int(std::nearbyint(input.as_real())));
    if (!bound.has(0) || precision == 0) return Value::real(std::nearbyint(input.as_real()));
    return Value::real(round_real(input.as_real(), precision));
  }
  if (to_whole) fail_type("unsupported operand type(s) for ** or pow(): 'int' and 'NoneType'");
  double scale = std::pow(10.0, static_cast<double>(precision));
  double scaled = input.as_real() * scale;
  if (!std::isfinite(scaled)) fail_type("cannot convert float infinity or NaN to integer");
  if (scale == 0.0) fail_type("float division by zero");
  return Value::real((method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / scale);
}

Value do_filesizeformat(Env& env, const Value& input, CallArgs& args) {
  Bound bound("filesizeformat", args, {"binary"});
  bool binary = bound.flag(env, 0, false);
  CallArgs none;
  double bytes = 0;
  if (input.is_number()) {
    bytes = input.as_real();
  } else if (!input.is_string() || !parse_float(input.str(), bytes)) {
    fail_type("could not convert to float: " + to_repr(env, input).str());
  }
  static constexpr std::array<const char*, 8> kLetters = {"k", "M", "G", "T", "P", "E", "Z", "Y"};
  double base = binary ? 1024 : 1000;
  if (bytes == 1) return Value::string("1 Byte");
  if (bytes < base) return Value::string(int_text(real_to_int(bytes)) + " Bytes");
  double unit = base;
  size_t at = 0;
  for (unit *= base; at + 1 < kLetters.size() && bytes >= unit; unit *= base) ++at;
  std::string prefix = kLetters[at];
  if (binary) prefix = (prefix == "k" ? "K" : prefix) + "i";
  return Value::string(fmt::format("{:.1f} {}B", base * bytes / unit, prefix));
}

constexpr FilterRow kNumberRows[] = {
    {"abs", do_abs},     {"filesizeformat", do_filesizeformat}, {"float", do_float}, {"int", do_int},
    {"round", do_round},
};

}  // namespace

std::span<const FilterRow> number_filters() { return kNumberRows; }

}  // namespace gantry::jinja
