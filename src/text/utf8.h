// UTF-8 as Unicode defines it (Table 3-7): no overlong forms, no surrogates, nothing above U+10FFFF. Pure
// functions and one small state machine; any thread. A broken place is one "maximal subpart", as WHATWG's
// decoder and Python count it, and repairs to one U+FFFD.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::text {

inline constexpr char32_t kReplacement = 0xFFFD;
inline constexpr char32_t kLastCodePoint = 0x10FFFF;

struct DecodedChar {
  char32_t code = kReplacement;
  uint8_t bytes = 0;   // how many bytes it took; 1 to 4
  bool valid = false;  // false: `bytes` is the maximal subpart, `code` U+FFFD
};

// The general case of decode_utf8(), which has the frequent ones in line.
DecodedChar decode_utf8_by_rule(std::string_view s, size_t at);

// The character at `at`; at < s.size().
inline DecodedChar decode_utf8(std::string_view s, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(s[at + i]); };
  if (byte(0) < 0x80) return {byte(0), 1, true};
  // Two bytes, and three where neither overlong forms nor surrogates begin: most of what is not ASCII.
  const auto follows = [&](size_t i) { return at + i < s.size() && (byte(i) & 0xC0) == 0x80; };
  if (byte(0) >= 0xC2 && byte(0) < 0xE0 && follows(1))
    return {(byte(0) & 0x1Fu) << 6 | (byte(1) & 0x3Fu), 2, true};
  if ((byte(0) & 0xF0) == 0xE0 && byte(0) != 0xE0 && byte(0) != 0xED && follows(1) && follows(2))
    return {(byte(0) & 0x0Fu) << 12 | (byte(1) & 0x3Fu) << 6 | (byte(2) & 0x3Fu), 3, true};
  return decode_utf8_by_rule(s, at);
}

// Surrogates and values above U+10FFFF are written as U+FFFD.
void append_utf8(std::string& out, char32_t code);

bool is_valid_utf8(std::string_view s);
std::string repair_utf8(std::string_view s);  // U+FFFD for each broken place
void append_repaired_utf8(std::string& out, std::string_view s);

// The length of `s` without an unfinished but so far valid sequence at its end (at most 3 bytes).
size_t whole_utf8_prefix(std::string_view s);

// `s` without the byte order mark (U+FEFF) that some editors write at a text's beginning.
inline std::string_view without_mark(std::string_view s) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  return s.starts_with(kMark) ? s.substr(kMark.size()) : s;
}

// How many characters (code points) a valid text has.
uint64_t characters(std::string_view utf8);

std::u32string to_utf32(std::string_view s);  // broken places as U+FFFD
std::string to_utf8(std::u32string_view s);

// The same check over bytes that come in parts. Once false, push() stays false.
class Utf8Validator {
 public:
  bool push(std::string_view bytes);  // false: no continuation can make it valid
  bool finish() const;                // true: all was valid and nothing is unfinished

 private:
  bool ok_ = true;
  uint8_t pending_bytes_ = 0;
  char pending_[4] = {};
};

}  // namespace gantry::text
