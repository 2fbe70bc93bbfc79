// Numbers from text, as Python's int() and float() read them.
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "jinja/format.h"
#include "jinja/unicode.h"
#include "jinja/utf8.h"

namespace gantry::jinja {
namespace {

// White space at the ends gone, digits of every script as ASCII.
std::string plain_digits(std::string_view text) {
  std::vector<uint32_t> codes = utf8_decode(text);
  size_t begin = 0, end = codes.size();
  while (begin < end && is_space(codes[begin])) ++begin;
  while (end > begin && is_space(codes[end - 1])) --end;
  std::string out;
  for (size_t i = begin; i < end; ++i) {
    int digit = decimal_value(codes[i]);
    if (digit >= 0) {
      out += static_cast<char>('0' + digit);
    } else {
      utf8_append(out, codes[i]);
    }
  }
  return out;
}

// Underscores may stand between digits only.
bool drop_underscores(std::string& text) {
  std::string out;
  auto digit = [&](size_t i) {
    return i < text.size() && std::isalnum(static_cast<unsigned char>(text[i])) != 0;
  };
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      out += text[i];
    } else if (i == 0 || !digit(i - 1) || !digit(i + 1)) {
      return false;
    }
  }
  text = std::move(out);
  return true;
}

std::string lowered(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return text;
}

// The base that a prefix such as 0x announces; 0 without one.
int announced_base(std::string_view text) {
  if (text.size() < 2 || text[0] != '0') return 0;
  return text[1] == 'x' ? 16 : text[1] == 'o' ? 8 : text[1] == 'b' ? 2 : 0;
}

}  // namespace

bool parse_float(std::string_view text, double& out) {
  std::string digits = lowered(plain_digits(text));
  if (!drop_underscores(digits)) return false;
  bool negative = false;
  size_t at = 0;
  if (!digits.empty() && (digits[0] == '+' || digits[0] == '-')) {
    negative = digits[0] == '-';
    at = 1;
  }
  std::string_view body = std::string_view(digits).substr(at);
  double value = 0;
  if (body == "inf" || body == "infinity") {
    value = std::numeric_limits<double>::infinity();
  } else if (body == "nan") {
    value = std::numeric_limits<double>::quiet_NaN();
  } else {
    if (body.empty() || (body[0] != '.' && (body[0] < '0' || body[0] > '9'))) return false;
    auto [end, error] = std::from_chars(body.data(), body.data() + body.size(), value);
    if (error == std::errc::invalid_argument || end != body.data() + body.size()) return false;
    if (error == std::errc::result_out_of_range) value = std::strtod(std::string(body).c_str(), nullptr);
  }
  out = negative ? -value : value;
  return true;
}

bool parse_int(std::string_view text, int base, Int& out) {
  std::string digits = lowered(plain_digits(text));
  bool negative = false;
  if (!digits.empty() && (digits[0] == '+' || digits[0] == '-')) {
    negative = digits[0] == '-';
    digits.erase(0, 1);
  }
  int announced = announced_base(digits);
  bool zero_only = base == 0 && announced == 0 && !digits.empty() && digits[0] == '0';
  if (announced != 0 && (base == 0 || base == announced)) {
    base = announced;
    digits.erase(0, 2);
    if (!digits.empty() && digits[0] == '_') digits.erase(0, 1);
  } else if (base == 0) {
    base = 10;
  }
  if (!drop_underscores(digits) || digits.empty()) return false;
  Int value = 0;
  for (char c : digits) {
    int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'z' ? c - 'a' + 10 : 99;
    if (digit >= base || (zero_only && digit != 0)) return false;
    if (__builtin_mul_overflow(value, Int{base}, &value) ||
        __builtin_add_overflow(value, Int{digit}, &value)) {
      fail_limit("an integer of the template needs more than 128 bits");
    }
  }
  out = negative ? -value : value;
  return true;
}

}  // namespace gantry::jinja
