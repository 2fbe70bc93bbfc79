// Arithmetic: Python's numbers, and + and * of sequences.
#include <algorithm>
#include <cmath>

#include "jinja/format.h"
#include "jinja/ops.h"

namespace gantry::jinja {
namespace {

[[noreturn]] void refuse_operands(const char* op, const Value& a, const Value& b) {
  for (const Value* side : {&a, &b}) {
    if (side->is_undefined()) fail_type(side->as<UndefinedObject>().message);
  }
  std::string symbol = op;
  if (symbol == "+" && (a.is_string() || a.is_sequence())) {
    fail_type("can only concatenate " + type_name(a) + " (not \"" + type_name(b) + "\") to " + type_name(a));
  }
  fail_type("unsupported operand type(s) for " + symbol + ": '" + type_name(a) + "' and '" + type_name(b) +
            "'");
}

[[noreturn]] void overflow() { fail_limit("an integer of the template needs more than 128 bits"); }

bool both_int(const Value& a, const Value& b) { return a.is_integral() && b.is_integral(); }
bool both_numbers(const Value& a, const Value& b) { return a.is_number() && b.is_number(); }

Value repeat(Env& env, const Value& sequence, const Value& count) {
  auto times = static_cast<uint64_t>(std::max<int64_t>(0, to_index(count)));
  if (sequence.is_string()) {
    const std::string& text = sequence.str();
    if (text.empty() || times == 0) return Value::string(Text(), sequence.markup());
    if (times > env.limits().output_bytes / text.size()) {
      env.charge_text(env.limits().output_bytes + uint64_t{1});
    }
    env.charge_text(text.size() * times);
    Text out;
    out.reserve(text.size() * times);
    for (uint64_t i = 0; i < times; ++i) out += sequence.text();
    return Value::string(std::move(out), sequence.markup());
  }
  const Values& items = sequence.items();
  Values out;
  if (!items.empty() && times > 0) {
    if (times > env.limits().steps / items.size()) env.charge(env.limits().steps + uint64_t{1});
    env.charge_values(items.size() * times);
    out.reserve(items.size() * times);
    for (uint64_t i = 0; i < times; ++i) out.insert(out.end(), items.begin(), items.end());
  }
  return sequence.is(Kind::kList) ? make_list(std::move(out)) : make_tuple(std::move(out));
}

bool repeatable(const Value& value) { return value.is_string() || value.is_sequence(); }

Int floor_quotient(Int a, Int b) {
  Int quotient = a / b;
  return (a % b != 0 && (a < 0) != (b < 0)) ? quotient - 1 : quotient;
}

double float_remainder(double a, double b) {
  double rest = std::fmod(a, b);
  if (rest != 0.0) {
    if ((b < 0) != (rest < 0)) rest += b;
    return rest;
  }
  return std::copysign(0.0, b);
}

double float_floor_quotient(double a, double b) {
  double rest = std::fmod(a, b);
  double quotient = (a - rest) / b;
  if (rest != 0.0 && (b < 0) != (rest < 0)) quotient -= 1.0;
  if (quotient == 0.0) return std::copysign(0.0, a / b);
  double floored = std::floor(quotient);
  return quotient - floored > 0.5 ? floored + 1.0 : floored;
}

Value int_power(Int base, Int exponent) {
  Int result = 1;
  if (base == 0 || base == 1) return Value::integer(exponent == 0 ? 1 : base);
  if (base == -1) return Value::integer(exponent % 2 == 0 ? 1 : -1);
  for (Int i = 0; i < exponent; ++i) {
    if (__builtin_mul_overflow(result, base, &result)) overflow();
  }
  return Value::integer(result);
}

}  // namespace

Value add(Env& env, const Value& a, const Value& b) {
  if (both_int(a, b)) {
    Int sum = 0;
    if (__builtin_add_overflow(a.as_int(), b.as_int(), &sum)) overflow();
    return Value::integer(sum);
  }
  if (both_numbers(a, b)) return Value::real(a.as_real() + b.as_real());
  if (a.is_string() && b.is_string()) {
    bool markup = a.markup() || b.markup();
    const auto side = [&](const Value& text) {
      return markup && !text.markup() ? escape_html(env, text) : text.text();
    };
    Text sum = side(a);
    const Text right = side(b);
    env.charge_text(sum.size() + right.size());
    sum += right;
    return Value::string(std::move(sum), markup);
  }
  if (a.is_sequence() && a.kind() == b.kind()) {
    env.charge_values(a.items().size() + b.items().size());
    Values items = a.items();
    items.insert(items.end(), b.items().begin(), b.items().end());
    return a.is(Kind::kList) ? make_list(std::move(items)) : make_tuple(std::move(items));
  }
  if (a.is(Kind::kBytes) && b.is(Kind::kBytes)) {
    const std::string &left = a.as<BytesObject>().data, &right = b.as<BytesObject>().data;
    env.charge_text(left.size() + right.size());
    return Value::bytes(left + right, a.as<BytesObject>().given || b.as<BytesObject>().given);
  }
  refuse_operands("+", a, b);
}

Value subtract(Env&, const Value& a, const Value& b) {
  if (both_int(a, b)) {
    Int difference = 0;
    if (__builtin_sub_overflow(a.as_int(), b.as_int(), &difference)) overflow();
    return Value::integer(difference);
  }
  if (both_numbers(a, b)) return Value::real(a.as_real() - b.as_real());
  refuse_operands("-", a, b);
}

Value multiply(Env& env, const Value& a, const Value& b) {
  if (both_int(a, b)) {
    Int product = 0;
    if (__builtin_mul_overflow(a.as_int(), b.as_int(), &product)) overflow();
    return Value::integer(product);
  }
  if (both_numbers(a, b)) return Value::real(a.as_real() * b.as_real());
  if (repeatable(a) && b.is_integral()) return repeat(env, a, b);
  if (repeatable(b) && a.is_integral()) return repeat(env, b, a);
  if ((repeatable(a) || repeatable(b)) && !a.is_undefined() && !b.is_undefined()) {
    fail_type("can't multiply sequence by non-int of type '" + type_name(repeatable(a) ? b : a) + "'");
  }
  refuse_operands("*", a, b);
}

Value divide(Env&, const Value& a, const Value& b) {
  if (!both_numbers(a, b)) refuse_operands("/", a, b);
  if (b.as_real() == 0.0) fail_type(both_int(a, b) ? "division by zero" : "float division by zero");
  if (both_int(a, b)) {
    // long double divides ints of up to 64 bits with one rounding more than exact at most.
    return Value::real(
        static_cast<double>(static_cast<long double>(a.as_int()) / static_cast<long double>(b.as_int())));
  }
  return Value::real(a.as_real() / b.as_real());
}

Value floor_divide(Env&, const Value& a, const Value& b) {
  if (!both_numbers(a, b)) refuse_operands("//", a, b);
  if (b.as_real() == 0.0) {
    fail_type(both_int(a, b) ? "integer division or modulo by zero" : "float floor division by zero");
  }
  if (!both_int(a, b)) return Value::real(float_floor_quotient(a.as_real(), b.as_real()));
  Int negated = 0;
  if (b.as_int() == -1) {
    if (__builtin_sub_overflow(Int{0}, a.as_int(), &negated)) overflow();
    return Value::integer(negated);
  }
  return Value::integer(floor_quotient(a.as_int(), b.as_int()));
}

Value modulo(Env& env, const Value& a, const Value& b) {
  if (a.is_string()) {
    Value arguments = b;
    return Value::string(format_percent(env, a, arguments), a.markup());
  }
  if (!both_numbers(a, b)) refuse_operands("%", a, b);
  if (b.as_real() == 0.0) fail_type(both_int(a, b) ? "integer modulo by zero" : "float modulo");
  if (!both_int(a, b)) return Value::real(float_remainder(a.as_real(), b.as_real()));
  if (b.as_int() == -1) return Value::integer(0);
  Int rest = a.as_int() % b.as_int();
  if (rest != 0 && (rest < 0) != (b.as_int() < 0)) rest += b.as_int();
  return Value::integer(rest);
}

Value power(Env&, const Value& a, const Value& b) {
  if (!both_numbers(a, b)) refuse_operands("** or pow()", a, b);
  if (both_int(a, b) && b.as_int() >= 0) return int_power(a.as_int(), b.as_int());
  double base = a.as_real(), exponent = b.as_real();
  if (base == 0.0 && exponent < 0.0) fail_type("0.0 cannot be raised to a negative power");
  double result = std::pow(base, exponent);
  if (std::isnan(result) && !std::isnan(base) && !std::isnan(exponent)) {
    fail_type("a complex number is no value of a template");
  }
  if (std::isinf(result) && std::isfinite(base) && std::isfinite(exponent)) {
    fail_type("(34, 'Numerical result out of range')");
  }
  return Value::real(result);
}

Value negate(Env&, const Value& a) {
  if (a.is_integral()) {
    Int negated = 0;
    if (__builtin_sub_overflow(Int{0}, a.as_int(), &negated)) overflow();
    return Value::integer(negated);
  }
  if (a.is(Kind::kFloat)) return Value::real(-a.as_real());
  if (a.is_undefined()) fail_type(a.as<UndefinedObject>().message);
  fail_type("bad operand type for unary -: '" + type_name(a) + "'");
}

Value positive(Env&, const Value& a) {
  if (a.is_integral()) return Value::integer(a.as_int());
  if (a.is(Kind::kFloat)) return a;
  if (a.is_undefined()) fail_type(a.as<UndefinedObject>().message);
  fail_type("bad operand type for unary +: '" + type_name(a) + "'");
}

}  // namespace gantry::jinja
