#include "tokenizer/byte_alphabet.h"

#include <array>

#include "text/utf8.h"

namespace gantry::tokenizer {
namespace {

constexpr uint32_t kLettersEnd = 0x100 + 68;
constexpr int16_t kNoByte = -1;

constexpr bool stands_for_itself(uint32_t byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

struct Alphabet {
  std::array<char32_t, 256> letter{};
  std::array<int16_t, kLettersEnd> byte{};
};

constexpr Alphabet make_alphabet() {
  Alphabet alphabet;
  alphabet.byte.fill(kNoByte);
  uint32_t next = 0x100;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    const uint32_t letter = stands_for_itself(byte) ? byte : next++;
    alphabet.letter[byte] = letter;
    alphabet.byte[letter] = static_cast<int16_t>(byte);
  }
  return alphabet;
}

constexpr Alphabet kAlphabet = make_alphabet();

}  // namespace

char32_t letter_of_byte(uint8_t byte) { return kAlphabet.letter[byte]; }

std::string to_byte_letters(std::string_view bytes) {
  std::string letters;
  letters.reserve(bytes.size() * 2);
  for (const char c : bytes) text::append_utf8(letters, letter_of_byte(static_cast<uint8_t>(c)));
  return letters;
}

bool from_byte_letters(std::string_view letters, std::string& bytes) {
  bytes.clear();
  for (size_t at = 0; at < letters.size();) {
    const text::DecodedChar c = text::decode_utf8(letters, at);
    if (!c.valid || c.code >= kLettersEnd || kAlphabet.byte[c.code] == kNoByte) return false;
    bytes.push_back(static_cast<char>(kAlphabet.byte[c.code]));
    at += c.bytes;
  }
  return true;
}

}  // namespace gantry::tokenizer
