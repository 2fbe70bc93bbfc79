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

#include "text/utf8.h"

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
  // How many bytes at the front of `text` the map leaves as they are: whole characters of valid UTF-8, up to
  // the second of two spaces in a row.
  size_t untouched(std::string_view text) const;

 private:
  std::optional<uint32_t> child(uint32_t node, uint8_t byte) const;
  bool leaves_pair(uint8_t c, uint8_t next) const;
  void mark_touched(uint32_t node, size_t first, size_t count);

  std::vector<uint32_t> units_;
  // A bit for c * 256 + next, c ASCII: nothing that begins with these two bytes is replaced, nor `c` alone;
  // next 0 stands for the end of the text.
  std::vector<bool> pair_untouched_ = std::vector<bool>(128 * 256, true);
  // A bit for each code point above: nothing that begins with it is replaced.
  std::vector<bool> untouched_ = std::vector<bool>(text::kLastCodePoint + 1, true);
  std::string replacements_;
};

}  // namespace gantry::tokenizer
