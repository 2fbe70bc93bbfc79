#include "jinja/escape.h"

#include <cstring>

#include <fmt/format.h>

#include "jinja/lexer.h"
#include "jinja/utf8.h"

namespace gantry::jinja {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  char low = static_cast<char>(c | 0x20);
  return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

uint32_t read_hex(std::string_view text, size_t& at, size_t count, char kind, uint32_t line) {
  uint32_t code = 0;
  for (size_t i = 0; i < count; ++i) {
    int digit = at < text.size() ? hex_digit(text[at]) : -1;
    if (digit < 0) fail_syntax(fmt::format("truncated \\{} escape", kind), line);
    code = code * 16 + static_cast<uint32_t>(digit);
    ++at;
  }
  if (code > 0x10ffff) fail_syntax("illegal Unicode character", line);
  return code;
}

}  // namespace

std::string decode_escapes(std::string_view text, uint32_t line) {
  static constexpr const char* kFrom = "\\'\"abfnrtv";
  static constexpr const char* kTo = "\\'\"\a\b\f\n\r\t\v";
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    if (text[at] != '\\') {
      out += text[at++];
      continue;
    }
    if (++at >= text.size()) fail_syntax("\\ at end of string", line);
    char c = text[at];
    if (static_cast<unsigned char>(c) >= 0x80) {
      // The character was escaped before: its own backslash is eaten by this one.
      uint32_t code = utf8_next(text, at);
      out += code < 0x100     ? fmt::format("\\x{:02x}", code)
             : code < 0x10000 ? fmt::format("\\u{:04x}", code)
                              : fmt::format("\\U{:08x}", code);
      continue;
    }
    ++at;
    const char* known = c == '\0' ? nullptr : std::strchr(kFrom, c);
    if (c == '\n') continue;
    if (known != nullptr) {
      out += kTo[known - kFrom];
    } else if (c >= '0' && c <= '7') {
      uint32_t code = static_cast<uint32_t>(c - '0');
      for (int i = 0; i < 2 && at < text.size() && text[at] >= '0' && text[at] <= '7'; ++i) {
        code = code * 8 + static_cast<uint32_t>(text[at++] - '0');
      }
      utf8_append(out, code);
    } else if (c == 'x' || c == 'u' || c == 'U') {
      utf8_append(out, read_hex(text, at, c == 'x' ? 2 : c == 'u' ? 4 : 8, c, line));
    } else if (c == 'N') {
      fail_syntax("characters by name (\\N) are not known here", line);
    } else {
      out += '\\';
      out += c;
    }
  }
  return out;
}

}  // namespace gantry::jinja
