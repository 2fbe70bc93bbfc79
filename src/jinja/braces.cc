// str.format and format(value, spec): Python's replacement fields and the format mini-language.
#include <algorithm>
#include <cmath>

#include "jinja/format.h"
#include "jinja/ops.h"
#include "jinja/spec.h"
#include "jinja/utf8.h"

namespace gantry::jinja {
namespace {

struct Spec {
  std::string fill = " ";
  char align = 0;
  char sign = '-';
  bool alternate = false;
  bool zero = false;
  char grouping = 0;
  int64_t width = 0;
  int64_t precision = -1;
  char type = 0;
};

int64_t read_number(std::string_view text, size_t& at) {
  int64_t value = 0;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
    value = std::min<int64_t>(value * 10 + (text[at++] - '0'), int64_t{1} << 40);
  }
  return value;
}

bool is_align(char c) { return c == '<' || c == '>' || c == '=' || c == '^'; }

Spec parse_spec(std::string_view text) {
  Spec spec;
  size_t at = 0;
  size_t fill = text.empty() ? 0 : utf8_width(text[0]);
  if (text.size() > fill && fill > 0 && is_align(text[fill])) {
    spec.fill = text.substr(0, fill);
    spec.align = text[fill];
    at = fill + 1;
  } else if (!text.empty() && is_align(text[0])) {
    spec.align = text[0];
    at = 1;
  }
  auto accept = [&](char c) { return at < text.size() && text[at] == c ? (++at, true) : false; };
  for (char c : {'+', '-', ' '}) {
    if (accept(c)) {
      spec.sign = c;
      break;
    }
  }
  if (accept('z')) fail_type("Negative zero coercion (z) not allowed in a template");
  spec.alternate = accept('#');
  if (accept('0')) {
    spec.zero = true;
    if (spec.align == 0) {
      spec.fill = "0";
      spec.align = '=';
    }
  }
  spec.width = read_number(text, at);
  if (accept(',')) spec.grouping = ',';
  if (accept('_')) {
    if (spec.grouping != 0) fail_type("Cannot specify both ',' and '_'.");
    spec.grouping = '_';
  }
  if (accept('.')) {
    size_t before = at;
    spec.precision = read_number(text, at);
    if (at == before) fail_type("Format specifier missing precision");
  }
  if (at < text.size()) spec.type = text[at++];
  if (at != text.size()) fail_type("Invalid format specifier");
  return spec;
}

[[noreturn]] void unknown_type(char type, const Value& value) {
  fail_type("Unknown format code '" + std::string(1, type) + "' for object of type '" + type_name(value) +
            "'");
}

std::string pad(Env& env, const std::string& sign, const std::string& body, const Spec& spec, char align) {
  auto size = static_cast<int64_t>(utf8_length(sign) + utf8_length(body));
  if (size >= spec.width) return sign + body;
  env.charge_text(static_cast<uint64_t>(spec.width) * spec.fill.size());
  auto missing = static_cast<size_t>(spec.width - size);
  size_t before = align == '<' ? 0 : align == '^' ? missing / 2 : missing;
  auto filler = [&](size_t count) {
    std::string out;
    for (size_t i = 0; i < count; ++i) out += spec.fill;
    return out;
  };
  if (align == '=') return sign + filler(missing) + body;
  return filler(before) + sign + body + filler(missing - before);
}

// Separators from the right, every `step` digits of the whole part.
std::string group(const std::string& digits, char separator, size_t step) {
  if (separator == 0) return digits;
  // Hexadecimal digits have an e of their own; they come in groups of four.
  size_t whole = step == 3 ? digits.find_first_of(".eE%") : digits.size();
  if (whole == std::string::npos) whole = digits.size();
  std::string out;
  for (size_t i = 0; i < whole; ++i) {
    if (i > 0 && (whole - i) % step == 0) out += separator;
    out += digits[i];
  }
  return out + digits.substr(whole);
}

std::string number_text(Env& env, bool negative, std::string prefix, std::string body, const Spec& spec,
                        size_t step) {
  std::string sign = negative ? "-" : spec.sign == '+' ? "+" : spec.sign == ' ' ? " " : "";
  sign += prefix;
  body = group(body, spec.grouping, step);
  // Zero padding with separators groups the zeros as well.
  if (spec.align == '=' && spec.fill == "0" && spec.grouping != 0) {
    constexpr int64_t kGroupedMax = 4096;
    if (spec.width > kGroupedMax) fail_limit("a grouped number of the template is wider than 4096 digits");
    while (static_cast<int64_t>(sign.size() + body.size()) < spec.width) {
      size_t end = step == 3 ? body.find_first_of(".eE%") : std::string::npos;
      size_t run = 0;
      while (run < (end == std::string::npos ? body.size() : end) && body[run] != spec.grouping) ++run;
      if (run == step) {
        body.insert(0, std::string("0") + spec.grouping);
      } else {
        body.insert(0, 1, '0');
      }
    }
  }
  return pad(env, sign, body, spec, spec.align == 0 ? '>' : spec.align);
}

std::string format_float(Env& env, double value, Spec spec) {
  double magnitude = std::abs(value);
  bool negative = std::signbit(value) && !std::isnan(value);
  std::string body;
  if (spec.type == 0) {
    if (spec.precision < 0) {
      body = float_repr(magnitude);
    } else {
      body = float_text(magnitude, 'g', std::max<int64_t>(1, spec.precision), false);
      // Unlike g, the fixed notation keeps one digit after the point and gives way one exponent earlier.
      if (std::isfinite(magnitude) && body.find_first_of(".e") == std::string::npos) {
        auto digits = static_cast<int64_t>(body.size());
        body = digits >= std::max<int64_t>(1, spec.precision)
                   ? float_text(magnitude, 'e', std::max<int64_t>(0, digits - 1), false)
                   : body + ".0";
        size_t e = body.find('e');
        if (e != std::string::npos) {
          size_t last = body.find_last_not_of('0', e - 1);
          if (body.find('.') < e)
            body.erase(last + (body[last] == '.' ? 0 : 1), e - last - (body[last] == '.' ? 0 : 1));
        }
      }
    }
  } else if (spec.type == '%') {
    body = float_text(magnitude * 100, 'f', spec.precision < 0 ? 6 : spec.precision, spec.alternate) + "%";
  } else {
    char type = spec.type == 'n' ? 'g' : spec.type;
    body = float_text(magnitude, type, spec.precision < 0 ? 6 : spec.precision, spec.alternate);
  }
  return number_text(env, negative, "", body, spec, 3);
}

std::string format_int(Env& env, const Value& value, Spec spec) {
  if (std::string_view("eEfFgG%").find(spec.type) != std::string_view::npos && spec.type != 0) {
    return format_float(env, value.as_real(), spec);
  }
  if (spec.precision >= 0) fail_type("Precision not allowed in integer format specifier");
  Int number = value.as_int();
  if (spec.type == 'c') {
    if (number < 0 || number > 0x10ffff) fail_type("%c arg not in range(0x110000)");
    std::string text;
    utf8_append(text, static_cast<uint32_t>(number));
    return pad(env, "", text, spec, spec.align == 0 || spec.align == '=' ? '<' : spec.align);
  }
  int base = spec.type == 'x' || spec.type == 'X' ? 16 : spec.type == 'o' ? 8 : spec.type == 'b' ? 2 : 10;
  if (base == 10 && spec.type != 0 && spec.type != 'd' && spec.type != 'n') unknown_type(spec.type, value);
  if (base != 10 && spec.grouping == ',')
    fail_type("Cannot specify ',' with '" + std::string(1, spec.type) + "'.");
  std::string body = int_text(number, base, spec.type == 'X');
  if (number < 0) body.erase(0, 1);
  std::string prefix = spec.alternate && base != 10 ? std::string("0") + spec.type : "";
  return number_text(env, number < 0, prefix, body, spec, base == 10 ? 3 : 4);
}

std::string format_string(Env& env, const Value& value, Spec spec) {
  if (spec.type != 0 && spec.type != 's') unknown_type(spec.type, value);
  if (spec.sign != '-') fail_type("Sign not allowed in string format specifier");
  if (spec.align == '=' && !spec.zero) fail_type("'=' alignment not allowed in string format specifier");
  if (spec.grouping != 0) fail_type("Cannot specify ',' with 's'.");
  if (spec.alternate) fail_type("Alternate form (#) not allowed in string format specifier");
  std::string text = value.str();
  if (spec.precision >= 0) text.resize(utf8_offset(text, static_cast<size_t>(spec.precision)));
  return pad(env, "", text, spec, spec.align == 0 || spec.align == '=' ? '<' : spec.align);
}

class BraceFormatter {
 public:
  BraceFormatter(Env& env, const CallArgs& args, bool markup) : env_(env), args_(args), markup_(markup) {}

  Text run(const Text& format, int depth) {
    if (depth < 0) fail_type("Max string recursion exceeded");
    const std::string_view text = format.str();
    Text out;
    for (size_t at = 0; at < text.size();) {
      const size_t begin = at;
      char c = text[at++];
      bool doubled = at < text.size() && text[at] == c;
      if (c != '{' && c != '}') {
        at = std::min(text.find_first_of("{}", at), text.size());
        out.append(format, {begin, at});
      } else if (doubled) {
        out.append(format, {begin, at});
        ++at;
      } else if (c == '}') {
        fail_type("Single '}' encountered in format string");
      } else {
        env_.charge(1);
        Text value = field(format, at, depth);
        if (format.given({begin, at})) value.mark_all();
        out += value;
        if (out.size() > env_.limits().output_bytes) env_.charge_text(out.size());
      }
    }
    env_.charge_text(out.size());
    return out;
  }

 private:
  // From behind '{' to behind the matching '}'.
  Text field(const Text& format, size_t& at, int depth) {
    const std::string_view text = format.str();
    size_t begin = at;
    int nested = 1;
    bool bracket = false;
    for (; at < text.size(); ++at) {
      char c = text[at];
      if (bracket) {
        bracket = c != ']';
      } else if (c == '[' && nested == 1) {
        bracket = true;
      } else if (c == '{') {
        ++nested;
      } else if (c == '}' && --nested == 0) {
        break;
      }
    }
    if (at >= text.size()) {
      fail_type(begin == text.size() ? "Single '{' encountered in format string"
                                     : "expected '}' before end of string");
    }
    std::string_view body = text.substr(begin, at - begin);
    ++at;
    size_t name_end = 0;
    while (name_end < body.size() && body[name_end] != '!' && body[name_end] != ':') {
      if (body[name_end] == '[') {
        size_t close = body.find(']', name_end);
        name_end = close == std::string_view::npos ? body.size() - 1 : close;
      }
      ++name_end;
    }
    name_end = std::min(name_end, body.size());
    Value value = lookup(body.substr(0, name_end));
    std::string_view rest = body.substr(name_end);
    if (!rest.empty() && rest[0] == '!') {
      if (rest.size() < 2) fail_type("end of string while looking for conversion specifier");
      value = converted(value, rest[1]);
      rest.remove_prefix(2);
      if (!rest.empty() && rest[0] != ':') fail_type("expected ':' after conversion specifier");
    }
    const Text spec = rest.empty() ? Text() : run(Text(std::string(rest.substr(1))), depth - 1);
    Text out = format_spec(env_, value, spec);
    return markup_ && !value.markup() ? escape_html(out) : out;
  }

  Value converted(const Value& value, char conversion) {
    if (conversion == 's') return Value::string(to_str(env_, value));
    if (conversion == 'r') return Value::string(to_repr(env_, value));
    if (conversion == 'a') return Value::string(to_ascii(env_, value));
    fail_type("Unknown conversion specifier " + std::string(1, conversion));
  }

  Value lookup(std::string_view name) {
    size_t end = name.find_first_of(".[");
    Value value = first(name.substr(0, end));
    std::string_view rest = end == std::string_view::npos ? std::string_view() : name.substr(end);
    while (!rest.empty()) {
      env_.charge(1);
      if (rest[0] == '.') {
        size_t stop = rest.find_first_of(".[", 1);
        std::string_view attribute = rest.substr(1, stop == std::string_view::npos ? stop : stop - 1);
        if (attribute.empty()) fail_type("Empty attribute in format string");
        value = get_attribute(env_, value, Value::string(std::string(attribute)));
        rest = stop == std::string_view::npos ? std::string_view() : rest.substr(stop);
      } else if (rest[0] == '[') {
        size_t close = rest.find(']');
        if (close == std::string_view::npos) fail_type("Missing ']' in format string");
        std::string_view key = rest.substr(1, close - 1);
        if (key.empty()) fail_type("Empty attribute in format string");
        value = get_item(env_, value, key_value(key));
        rest = rest.substr(close + 1);
      } else {
        fail_type("Only '.' or '[' may follow ']' in format field specifier");
      }
    }
    return value;
  }

  static bool all_digits(std::string_view text) {
    return !text.empty() && text.size() < 10 &&
           text.find_first_not_of("0123456789") == std::string_view::npos;
  }

  static Value key_value(std::string_view key) {
    if (!all_digits(key)) return Value::string(std::string(key));
    size_t at = 0;
    return Value::integer(read_number(key, at));
  }

  Value first(std::string_view name) {
    if (name.empty() || all_digits(name)) {
      bool automatic = name.empty();
      if (numbering_ != 0 && numbering_ != (automatic ? 'a' : 'm')) {
        fail_type("cannot switch between manual field specification and automatic field numbering");
      }
      numbering_ = automatic ? 'a' : 'm';
      size_t at = 0;
      size_t index = automatic ? next_++ : static_cast<size_t>(read_number(name, at));
      if (index >= args_.positional.size()) {
        fail_type("Replacement index " + std::to_string(index) + " out of range for positional args tuple");
      }
      return args_.positional[index];
    }
    for (const auto& [key, value] : args_.named) {
      env_.charge(1);
      if (key == name) return value;
    }
    fail_type(string_repr(name));
  }

  Env& env_;
  const CallArgs& args_;
  bool markup_;
  char numbering_ = 0;
  size_t next_ = 0;
};

}  // namespace

namespace {

std::string format_number(Env& env, const Value& value, std::string_view text) {
  if (value.is(Kind::kFloat)) {
    Spec spec = parse_spec(text);
    if (spec.type != 0 && std::string_view("eEfFgGn%").find(spec.type) == std::string_view::npos) {
      unknown_type(spec.type, value);
    }
    return format_float(env, value.as_real(), spec);
  }
  if (value.is_integral()) {
    Spec spec = parse_spec(text);
    if (value.is(Kind::kBool) && spec.type == 's') unknown_type('s', value);
    return format_int(env, value, spec);
  }
  fail_type("unsupported format string passed to " + type_name(value) + ".__format__");
}

}  // namespace

Text format_spec(Env& env, const Value& value, const Text& text) {
  if (text.empty()) return to_str(env, value);
  if (value.is_string()) {
    const bool given = value.text().given() || text.given();
    return {format_string(env, value, parse_spec(text.str())), given};
  }
  const bool a_character = value.is_integral() && text.str().back() == 'c';
  return {format_number(env, value, text.str()), a_character || text.given()};
}

Text format_braces(Env& env, const Value& format, const CallArgs& args) {
  return BraceFormatter(env, args, format.markup()).run(format.text(), 2);
}

}  // namespace gantry::jinja
