// The merging that both kinds of byte-pair encoding share: neighbours are joined, the best pair first, the
// leftmost of equals, until no pair is left that may be joined. A heap of pairs over a linked list of
// symbols: n log n whatever the text.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/ids.h"

namespace gantry::tokenizer {

struct Symbol {
  uint32_t start = 0;     // byte offset in the text
  uint32_t bytes = 0;     // 0: joined into its left neighbour
  uint32_t previous = 0;  // index; kNoSymbol at the ends
  uint32_t next = 0;
  TokenId token = kNoToken;  // kNoToken: not in the vocabulary as it stands
};
inline constexpr uint32_t kNoSymbol = 0xFFFFFFFF;

// What joining two symbols gives: pairs of lower `order` are joined first.
struct Merge {
  uint32_t order = 0;
  TokenId token = kNoToken;
};

// Scratch kept from text to text; one thread at a time.
class Merger {
 public:
  void clear() { symbols_.clear(); }
  void add(uint32_t start, uint32_t bytes, TokenId token) {
    const auto index = static_cast<uint32_t>(symbols_.size());
    if (index > 0) symbols_.back().next = index;
    symbols_.push_back({start, bytes, index > 0 ? index - 1 : kNoSymbol, kNoSymbol, token});
  }

  // `look_up(left, right)` -> std::optional<Merge>. Adds pairs tried and heap moves to `steps`.
  template <typename LookUp>
  void run(const LookUp& look_up, uint64_t& steps) {
    pairs_.clear();
    for (uint32_t i = 1; i < symbols_.size(); ++i) try_pair(i - 1, i, look_up, steps);
    while (!pairs_.empty()) {
      std::pop_heap(pairs_.begin(), pairs_.end(), later);
      const Pair pair = pairs_.back();
      pairs_.pop_back();
      ++steps;
      Symbol& left = symbols_[pair.left];
      Symbol& right = symbols_[pair.right];
      // One of the two was joined with another since.
      if (left.bytes == 0 || right.bytes == 0 || left.bytes + right.bytes != pair.bytes) continue;
      left.bytes = pair.bytes;
      left.token = pair.token;
      left.next = right.next;
      right.bytes = 0;
      if (left.next != kNoSymbol) symbols_[left.next].previous = pair.left;
      if (left.previous != kNoSymbol) try_pair(left.previous, pair.left, look_up, steps);
      if (left.next != kNoSymbol) try_pair(pair.left, left.next, look_up, steps);
    }
  }

  template <typename Visit>
  void for_each(const Visit& visit) const {
    for (uint32_t i = symbols_.empty() ? kNoSymbol : 0; i != kNoSymbol; i = symbols_[i].next)
      visit(symbols_[i]);
  }

 private:
  struct Pair {
    uint64_t key;  // order, then position
    uint32_t left, right;
    uint32_t bytes;
    TokenId token;
  };
  static bool later(const Pair& a, const Pair& b) { return a.key > b.key; }

  template <typename LookUp>
  void try_pair(uint32_t left, uint32_t right, const LookUp& look_up, uint64_t& steps) {
    ++steps;
    const Symbol& a = symbols_[left];
    const Symbol& b = symbols_[right];
    const std::optional<Merge> merge = look_up(a, b);
    if (!merge) return;
    pairs_.push_back({(uint64_t{merge->order} << 32) | left, left, right, a.bytes + b.bytes, merge->token});
    std::push_heap(pairs_.begin(), pairs_.end(), later);
  }

  std::vector<Symbol> symbols_;
  std::vector<Pair> pairs_;
};

}  // namespace gantry::tokenizer
