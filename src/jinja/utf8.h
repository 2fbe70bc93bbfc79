// UTF-8 text as Python's str: a sequence of code points. The input is well formed, except that a lone
// surrogate may stand as three bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::jinja {

inline constexpr size_t kNone = std::string_view::npos;

// True for well-formed UTF-8 without surrogates.
bool is_utf8(std::string_view text);

// Bytes of the code point that starts with `lead`.
constexpr size_t utf8_width(char lead) {
  auto byte = static_cast<unsigned char>(lead);
  return byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}
constexpr bool utf8_continues(char byte) { return (static_cast<unsigned char>(byte) & 0xc0u) == 0x80u; }

// The code point at `at`, which is moved past it.
uint32_t utf8_next(std::string_view text, size_t& at);
void utf8_append(std::string& out, uint32_t code);
size_t utf8_length(std::string_view text);
// Byte offset of code point number `index` (at most the length).
size_t utf8_offset(std::string_view text, size_t index);
// As text.find(part, from), but linear whatever the two look like.
size_t find_text(std::string_view text, std::string_view part, size_t from = 0);
std::vector<uint32_t> utf8_decode(std::string_view text);
std::string utf8_encode(const std::vector<uint32_t>& codes);

}  // namespace gantry::jinja
