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

 private:
  std::vector<uint32_t> units_;
  std::string replacements_;
};

}  // namespace gantry::tokenizer
