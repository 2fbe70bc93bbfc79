// SentencePiece's precompiled normalization: a double-array trie from byte prefixes to replacements
// (tokenizer.ggml.precompiled_charsmap). Bytes from a file: every step is checked, and what leads outside is
// no match. Immutable; any thread.
//
// Layout, little-endian: uint32 bytes of the trie; the trie, a uint32 per unit; the replacements, each ended
// by a zero byte. Of a unit: bits 0-7 and 31 the label, bit 8 that a value follows, bits 10-30 the offset of
// the children, shifted left by 8 where bit 9 is set. A value's unit holds the place of the replacement.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::tokenizer {

class Charsmap {
 public:
  Charsmap() = default;
  // Error kBadFile, naming `where`, for a map that is cut short. Empty: replaces nothing.
  Charsmap(std::string_view bytes, const std::string& where);

  struct Replacement {
    std::string_view text;
    size_t consumed;
  };
  // The longest prefix of `text` that the map replaces.
  std::optional<Replacement> longest_prefix(std::string_view text) const;
  // For ASCII: nothing that begins with `c` and `next` is replaced, nor `c` alone.
  bool leaves(char c, char next) const {
    const auto row = static_cast<uint8_t>(c), column = static_cast<uint8_t>(next);
    return row < 0x80 && column < 0x80 && left_alone_[size_t{row} * 128 + column] != 0;
  }

 private:
  uint8_t leaves_pair(uint8_t c, uint8_t next) const;

  std::vector<uint32_t> units_;
  std::vector<uint8_t> left_alone_ = std::vector<uint8_t>(128 * 128, 1);  // [c][next]
  std::string replacements_;
};

}  // namespace gantry::tokenizer
