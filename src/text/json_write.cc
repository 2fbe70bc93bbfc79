// Json::dump: JSON text of a tree.
#include <array>
#include <charconv>
#include <cmath>
#include <string>

#include "text/json.h"
#include "text/json_string.h"
#include "text/utf8.h"

namespace gantry {
namespace {

// The escape of a character below 0x20, or of a quote or backslash.
void append_escaped(std::string& out, char c) {
  constexpr std::string_view kPlain = "\"\\\b\f\n\r\t", kLetters = "\"\\bfnrt", kDigits = "0123456789abcdef";
  out += '\\';
  if (const size_t at = kPlain.find(c); at != std::string_view::npos) {
    out += kLetters[at];
  } else {
    const auto code = static_cast<uint8_t>(c);
    out.append("u00").append({kDigits[code >> 4U], kDigits[code & 15U]});
  }
}

// With a point where the decimal one is near the digits, else with an exponent of two digits at least.
void append_double(std::string& out, double number) {
  if (!std::isfinite(number)) {
    out += "null";
    return;
  }
  constexpr int kZerosMax = 3,
                kWholeMax = 15;  // zeros behind the point before the first digit; digits before the point
  std::array<char, 32> room;
  const auto written =
      std::to_chars(room.data(), room.data() + room.size(), std::abs(number), std::chars_format::scientific);
  const std::string_view shortest(room.data(), static_cast<size_t>(written.ptr - room.data()));
  const size_t mark = shortest.find('e');
  std::string digits(1, shortest[0]);
  if (mark > 2) digits += shortest.substr(2, mark - 2);
  int exponent = 0;
  const size_t sign = shortest[mark + 1] == '+' ? 2 : 1;
  std::from_chars(shortest.data() + mark + sign, shortest.data() + shortest.size(), exponent);
  const int point = exponent + 1;  // digits before the point
  if (std::signbit(number)) out += '-';
  const auto size = static_cast<int>(digits.size());
  if (point > kWholeMax || point <= -kZerosMax - 1) {
    out += digits[0];
    if (size > 1) out.append(".").append(digits, 1);
    out.append(shortest.substr(mark));
  } else if (point <= 0) {
    out.append("0.").append(static_cast<size_t>(-point), '0').append(digits);
  } else if (point >= size) {
    out.append(digits).append(static_cast<size_t>(point - size), '0').append(".0");
  } else {
    out.append(digits, 0, static_cast<size_t>(point)).append(".").append(digits, static_cast<size_t>(point));
  }
}

}  // namespace

namespace text {

void append_json_characters(std::string& out, std::string_view text) {
  size_t plain = 0;  // what begins here needs no change
  size_t at = 0;
  const auto flush = [&] { out.append(text.substr(plain, at - plain)); };
  while (at < text.size()) {
    const auto c = static_cast<uint8_t>(text[at]);
    if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
      ++at;
    } else if (c < 0x80) {
      flush();
      append_escaped(out, text[at]);
      plain = ++at;
    } else if (const DecodedChar read = decode_utf8(text, at); read.valid) {
      at += read.bytes;
    } else {
      flush();
      append_utf8(out, kReplacement);
      plain = at += read.bytes;
    }
  }
  flush();
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  append_json_characters(out, text);
  out += '"';
}

}  // namespace text

std::string Json::dump(int indent) const {
  std::string out;
  write(out, indent, 0);
  return out;
}

void Json::write(std::string& out, int indent, size_t spaces) const {
  switch (rep_.kind) {
    case Kind::kNull:
      out += "null";
      break;
    case Kind::kBool:
      out += truth() ? "true" : "false";
      break;
    case Kind::kInteger:
      out += std::to_string(load<int64_t>());
      break;
    case Kind::kUnsigned:
      out += std::to_string(load<uint64_t>());
      break;
    case Kind::kDouble:
      append_double(out, load<double>());
      break;
    case Kind::kText:
    case Kind::kLongText:
      text::append_json_string(out, text());
      break;
    case Kind::kArray:
    case Kind::kObject:
      write_values(out, indent, spaces);
  }
}

void Json::write_values(std::string& out, int indent, size_t spaces) const {
  const bool lines = indent >= 0 && !empty();
  const size_t within = spaces + (indent > 0 ? static_cast<size_t>(indent) : 0);
  const auto next_line = [&](size_t count) {
    if (lines) out.append("\n").append(count, ' ');
  };
  out += is_object() ? '{' : '[';
  const auto [first, last] = range();
  for (const Json* at = first; at != last; ++at) {
    if (at != first) out += ',';
    next_line(within);
    if (is_object()) {
      at->write(out, indent, within);
      out += lines ? ": " : ":";
      ++at;
    }
    at->write(out, indent, within);
  }
  next_line(spaces);
  out += is_object() ? '}' : ']';
}

}  // namespace gantry
