// Pieces that come again within one text are encoded once: where their tokens lie in the output so far. Lives
// as long as one encode(); bounded; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ids.h"

namespace gantry::tokenizer {

class PieceCache {
 public:
  // Appends the tokens of `piece` if it was seen before.
  bool replay(std::string_view piece, std::vector<TokenId>& out, uint64_t& steps) const {
    if (!worth_keeping(piece)) return false;
    const auto seen = seen_.find(piece);
    if (seen == seen_.end()) return false;
    for (size_t i = 0; i < seen->second.count; ++i) out.push_back(out[seen->second.first + i]);
    steps += seen->second.count;
    return true;
  }

  // The tokens of `piece` are those from `first` to the end of `out`. `piece` must outlive the cache.
  void remember(std::string_view piece, size_t first, const std::vector<TokenId>& out) {
    if (worth_keeping(piece) && seen_.size() < kPiecesMax)
      seen_.emplace(piece, Tokens{first, out.size() - first});
  }

 private:
  struct Tokens {
    size_t first, count;
  };
  static constexpr size_t kPiecesMax = 1 << 15;
  static constexpr size_t kBytesMax = 48;  // longer pieces seldom come again

  static bool worth_keeping(std::string_view piece) { return piece.size() > 1 && piece.size() <= kBytesMax; }

  std::unordered_map<std::string_view, Tokens> seen_;
};

}  // namespace gantry::tokenizer
