// "..." % arguments, and format(value, spec).
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "jinja/format.h"
#include "jinja/ops.h"
#include "jinja/spec.h"
#include "jinja/unicode.h"
#include "jinja/utf8.h"

namespace gantry::jinja {
namespace {

// Digits after the point that anyone may ask for.
constexpr int64_t kPrecisionMax = 1000;

void check_width(Env& env, int64_t width) {
  if (width > 0) env.charge_text(static_cast<uint64_t>(width));
}

struct PercentSpec {
  bool left = false, zero = false, plus = false, space = false, alternate = false;
  int64_t width = 0;
  int64_t precision = -1;
};

class PercentFormatter {
 public:
  PercentFormatter(Env& env, const Value& format, const Value& arguments)
      : env_(env),
        format_(format.text()),
        text_(format_.str()),
        markup_(format.markup()),
        arguments_(arguments) {}

  Text run() {
    Text out;
    while (at_ < text_.size()) {
      const size_t percent = std::min(text_.find('%', at_), text_.size());
      out.append(format_, {at_, percent});
      if (percent == text_.size()) break;
      at_ = percent + 1;
      env_.charge(1);
      Text value = directive();
      if (format_.given({percent, at_})) value.mark_all();
      out += value;
      if (out.size() > env_.limits().output_bytes) env_.charge_text(out.size());
    }
    size_t given = arguments_.is(Kind::kTuple) ? arguments_.items().size() : 1;
    if (used_ < given && !subscriptable()) {
      fail_type("not all arguments converted during string formatting");
    }
    env_.charge_text(out.size());
    return out;
  }

 private:
  // Python takes anything that can be subscripted, and is no tuple or string, for a mapping.
  bool subscriptable() const {
    return arguments_.is(Kind::kDict) || arguments_.is(Kind::kList) || arguments_.is(Kind::kRange) ||
           arguments_.is_undefined() || arguments_.is(Kind::kBytes);
  }

  char peek() {
    if (at_ >= text_.size()) fail_type("incomplete format");
    return text_[at_];
  }

  Value next_argument() {
    if (keyed_value_) {
      Value value = *keyed_value_;
      return value;
    }
    if (arguments_.is(Kind::kTuple)) {
      if (used_ >= arguments_.items().size()) fail_type("not enough arguments for format string");
      return arguments_.items()[used_++];
    }
    if (used_ >= 1) fail_type("not enough arguments for format string");
    ++used_;
    return arguments_;
  }

  int64_t number() {
    if (peek() == '*') {
      ++at_;
      Value value = next_argument();
      if (!value.is_integral()) fail_type("* wants int");
      return to_index(value);
    }
    int64_t value = 0;
    while (peek() >= '0' && peek() <= '9') {
      value = std::min<int64_t>(value * 10 + (text_[at_++] - '0'), int64_t{1} << 40);
    }
    return value;
  }

  void read_key() {
    if (peek() != '(') return;
    int depth = 1;
    size_t begin = ++at_;
    while (depth > 0) {
      char c = peek();
      depth += c == '(' ? 1 : c == ')' ? -1 : 0;
      ++at_;
    }
    if (!arguments_.is(Kind::kDict)) fail_type("format requires a mapping");
    Value key = Value::string(text_.substr(begin, at_ - 1 - begin));
    Value* found = arguments_.as<DictObject>().find(env_, key);
    if (found == nullptr) fail_type(string_repr(key.str()));
    keyed_value_ = found;
  }

  Text directive() {
    keyed_value_ = nullptr;
    PercentSpec spec;
    read_key();
    for (;; ++at_) {
      char c = peek();
      if (c == '-') {
        spec.left = true;
      } else if (c == '0') {
        spec.zero = true;
      } else if (c == '+') {
        spec.plus = true;
      } else if (c == ' ') {
        spec.space = true;
      } else if (c == '#') {
        spec.alternate = true;
      } else {
        break;
      }
    }
    spec.width = number();
    if (spec.width < 0) {
      spec.left = true;
      spec.width = spec.width < -(int64_t{1} << 40) ? int64_t{1} << 40 : -spec.width;
    }
    if (peek() == '.') {
      ++at_;
      spec.precision = std::max<int64_t>(0, number());
    }
    while (peek() == 'h' || peek() == 'l' || peek() == 'L') ++at_;
    return convert(text_[at_++], spec);
  }

  Text convert(char type, const PercentSpec& spec) {
    if (type == '%') return Text("%");
    check_width(env_, spec.width);
    Value value = next_argument();
    if (type == 's' || type == 'r' || type == 'a') {
      Text body = type == 's'   ? to_str(env_, value)
                  : type == 'r' ? to_repr(env_, value)
                                : to_ascii(env_, value);
      if (markup_ && !value.markup()) body = escape_html(body);
      return pad_text(body, spec);
    }
    if (type == 'c') return pad_text(character(value), spec);
    if (type == 'd' || type == 'i' || type == 'u' || type == 'x' || type == 'X' || type == 'o') {
      return Text(whole(type, value, spec));
    }
    if (std::string_view("eEfFgG").find(type) != std::string_view::npos) return Text(real(type, value, spec));
    fail_type("unsupported format character '" + std::string(1, type) + "'");
  }

  // A number that becomes a character may be one of the context's.
  Text character(const Value& value) {
    std::string out;
    if (value.is_string() && length(env_, value) == 1) return value.text();
    if (!value.is_integral()) fail_type("%c requires int or char");
    Int code = value.as_int();
    if (code < 0 || code > 0x10ffff) fail_type("%c arg not in range(0x110000)");
    utf8_append(out, static_cast<uint32_t>(code));
    return {std::move(out), true};
  }

  static Text pad_text(const Text& value, const PercentSpec& spec) {
    const size_t end =
        spec.precision >= 0 ? utf8_offset(value.str(), static_cast<size_t>(spec.precision)) : value.size();
    const auto size = static_cast<int64_t>(utf8_length(std::string_view(value.str()).substr(0, end)));
    const std::string fill(static_cast<size_t>(std::max<int64_t>(0, spec.width - size)), ' ');
    Text out;
    if (!spec.left) out.append_own(fill);
    out.append(value, {0, end});
    if (spec.left) out.append_own(fill);
    return out;
  }

  static std::string pad_number(std::string sign, const std::string& body, const PercentSpec& spec) {
    auto size = static_cast<int64_t>(sign.size() + body.size());
    std::string fill(static_cast<size_t>(std::max<int64_t>(0, spec.width - size)),
                     spec.zero && !spec.left ? '0' : ' ');
    if (spec.left) return sign + body + fill;
    return spec.zero ? sign + fill + body : fill + sign + body;
  }

  static std::string sign_of(bool negative, const PercentSpec& spec) {
    return negative ? "-" : spec.plus ? "+" : spec.space ? " " : "";
  }

  std::string whole(char type, const Value& value, const PercentSpec& spec) {
    bool decimal = type == 'd' || type == 'i' || type == 'u';
    if (value.is_undefined()) fail_type(value.as<UndefinedObject>().message);
    if (!value.is_number() || (!decimal && !value.is_integral())) {
      fail_type(fmt::format("%{} format: {} is required, not {}", type,
                            decimal ? "a real number" : "an integer", type_name(value)));
    }
    Int number = value.is_integral() ? value.as_int() : real_to_int(value.as_real());
    std::string body = int_text(number, decimal ? 10 : type == 'o' ? 8 : 16, type == 'X');
    std::string sign = sign_of(number < 0, spec);
    if (number < 0) body.erase(0, 1);
    if (spec.precision > static_cast<int64_t>(body.size())) {
      check_width(env_, spec.precision);
      body.insert(0, static_cast<size_t>(spec.precision) - body.size(), '0');
    }
    if (spec.alternate && !decimal) sign += type == 'o' ? "0o" : type == 'x' ? "0x" : "0X";
    return pad_number(sign, body, spec);
  }

  std::string real(char type, const Value& value, const PercentSpec& spec) {
    if (value.is_undefined()) fail_type(value.as<UndefinedObject>().message);
    if (!value.is_number()) fail_type("must be real number, not " + type_name(value));
    double number = value.as_real();
    std::string body =
        float_text(std::abs(number), type, spec.precision < 0 ? 6 : spec.precision, spec.alternate);
    return pad_number(sign_of(std::signbit(number) && !std::isnan(number), spec), body, spec);
  }

  Env& env_;
  const Text& format_;
  const std::string& text_;
  bool markup_;
  Value arguments_;
  size_t at_ = 0;
  size_t used_ = 0;
  const Value* keyed_value_ = nullptr;
};

}  // namespace

Int real_to_int(double value) {
  if (std::isnan(value)) fail_type("cannot convert float NaN to integer");
  if (std::isinf(value)) fail_type("cannot convert float infinity to integer");
  constexpr double kIntBound = 1.7014118346046923e38;  // 2^127
  if (std::abs(value) >= kIntBound) fail_limit("an integer of the template needs more than 128 bits");
  return static_cast<Int>(value);
}

std::string float_text(double magnitude, char type, int64_t precision, bool alternate) {
  if (precision > kPrecisionMax) {
    fail_limit("a number of the template is asked for with more than 1000 digits");
  }
  if (std::isinf(magnitude)) return type == 'E' || type == 'F' || type == 'G' ? "INF" : "inf";
  if (std::isnan(magnitude)) return type == 'E' || type == 'F' || type == 'G' ? "NAN" : "nan";
  auto digits = static_cast<int>(precision);
  std::string pattern = std::string("{:") + (alternate ? "#" : "") + ".{}" + type + "}";
  return fmt::format(fmt::runtime(pattern), magnitude, digits);
}

Text format_percent(Env& env, const Value& format, const Value& arguments) {
  return PercentFormatter(env, format, arguments).run();
}

}  // namespace gantry::jinja
