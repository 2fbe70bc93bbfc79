// The merging that both kinds of byte-pair encoding share: neighbours are joined, the best pair first, the
// leftmost of equals, until no pair is left that may be joined. Short texts look for the best pair among all;
// long ones keep the pairs sorted and what merging adds in a heap, and drop what is no longer true when it
// comes up: n log n whatever the text.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <iterator>
#include <string_view>
#include <vector>

#include "base/ids.h"

namespace gantry::tokenizer {

// What joining two symbols gives: pairs of lower `order` are joined first. kNoToken: they are not joined.
struct Merge {
  uint32_t order = 0;
  TokenId token = kNoToken;
};

// Scratch kept from text to text; one thread at a time.
class Merger {
 public:
  void clear() {
    symbols_.clear();
    end_ = 0;
  }
  // Symbols come in the order of the text and touch. kNoToken: not in the vocabulary as it stands.
  void add(uint32_t start, uint32_t bytes, TokenId token) {
    const auto index = static_cast<uint32_t>(symbols_.size());
    symbols_.push_back({start, index - 1, index + 1, token, kNoToken});
    end_ = start + bytes;
  }

  // `look_up(left, right, start, end)` -> Merge: of two tokens, and where both together lie. Called in the
  // order of the text first; after each joining for the pair to the left, then for the pair to the right.
  // Adds pairs tried and looked at to `steps`.
  template <typename LookUp>
  void run(const LookUp& look_up, uint64_t& steps) {
    const auto n = static_cast<uint32_t>(symbols_.size());
    keys_.assign(n, kNoPair);
    if (n < 2) return;
    symbols_[0].previous = symbols_[n - 1].next = kNowhere;
    for (uint32_t i = 0; i + 1 < n; ++i) try_pair(i, look_up);
    steps += n;
    if (n <= kScannedMax) {
      run_by_scan(look_up, steps);
    } else {
      run_by_heap(look_up, steps);
    }
  }

  // `visit(start, bytes, token)` for each symbol that is left.
  template <typename Visit>
  void for_each(const Visit& visit) const {
    for (uint32_t i = symbols_.empty() ? kNowhere : 0; i < symbols_.size(); i = symbols_[i].next) {
      visit(symbols_[i].start, end_of(i) - symbols_[i].start, symbols_[i].token);
    }
  }

 private:
  struct Symbol {
    uint32_t start;           // byte offset in the text
    uint32_t previous, next;  // kNowhere at the ends
    TokenId token;
    TokenId joined;  // what it and the next one give
  };
  static constexpr uint32_t kNowhere = 0xFFFFFFFF;
  static constexpr uint64_t kNoPair = ~uint64_t{0};
  static constexpr uint32_t kScannedMax = 40;

  uint32_t end_of(uint32_t i) const {
    const uint32_t next = symbols_[i].next;
    return next < symbols_.size() ? symbols_[next].start : end_;
  }

  // The key of the pair that symbol i begins: order, then position.
  template <typename LookUp>
  uint64_t try_pair(uint32_t i, const LookUp& look_up) {
    Symbol& left = symbols_[i];
    const Symbol& right = symbols_[left.next];
    const Merge merge = look_up(left.token, right.token, left.start, end_of(left.next));
    left.joined = merge.token;
    return keys_[i] = merge.token == kNoToken ? kNoPair : (uint64_t{merge.order} << 32) | i;
  }

  // Joins symbol i with the next one; gives the keys of the two pairs that this makes.
  template <typename LookUp>
  std::array<uint64_t, 2> join(uint32_t i, const LookUp& look_up) {
    Symbol& left = symbols_[i];
    keys_[left.next] = kNoPair;
    left.token = left.joined;
    left.next = symbols_[left.next].next;
    std::array<uint64_t, 2> made = {kNoPair, kNoPair};
    if (left.previous != kNowhere) made[0] = try_pair(left.previous, look_up);
    if (left.next != kNowhere) {
      symbols_[left.next].previous = i;
      made[1] = try_pair(i, look_up);
    } else {
      keys_[i] = kNoPair;
    }
    return made;
  }

  template <typename LookUp>
  void run_by_scan(const LookUp& look_up, uint64_t& steps) {
    while (true) {
      uint64_t best = kNoPair;
      for (const uint64_t key : keys_) best = std::min(best, key);
      steps += keys_.size();
      if (best == kNoPair) return;
      join(static_cast<uint32_t>(best), look_up);
    }
  }

  template <typename LookUp>
  void run_by_heap(const LookUp& look_up, uint64_t& steps) {
    sort_pairs(steps);
    made_.clear();
    for (size_t at = 0; at < sorted_.size() || !made_.empty();) {
      uint64_t key = 0;
      if (made_.empty() || (at < sorted_.size() && sorted_[at] < made_.front())) {
        key = sorted_[at++];
      } else {
        key = made_.front();
        std::pop_heap(made_.begin(), made_.end(), std::greater<>());
        made_.pop_back();
      }
      ++steps;
      const auto i = static_cast<uint32_t>(key);
      if (keys_[i] != key) continue;  // one of the two was joined with another since
      for (const uint64_t more : join(i, look_up)) {
        if (more == kNoPair) continue;
        made_.push_back(more);
        std::push_heap(made_.begin(), made_.end(), std::greater<>());
      }
    }
  }

  // The pairs there are, by key. They lie in order of position, so that a stable sort by `order` will do.
  void sort_pairs(uint64_t& steps) {
    sorted_.clear();
    std::copy_if(keys_.begin(), keys_.end(), std::back_inserter(sorted_),
                 [](uint64_t key) { return key != kNoPair; });
    constexpr uint32_t kDigitBits = 11;
    for (uint32_t shift = 32; shift < 64; shift += kDigitBits) {
      std::array<uint32_t, (1u << kDigitBits) + 1> first{};
      const auto digit = [shift](uint64_t key) { return (key >> shift) & ((1u << kDigitBits) - 1); };
      for (const uint64_t key : sorted_) ++first[digit(key) + 1];
      for (size_t d = 1; d < first.size(); ++d) first[d] += first[d - 1];
      made_.resize(sorted_.size());
      for (const uint64_t key : sorted_) made_[first[digit(key)]++] = key;
      sorted_.swap(made_);
      steps += sorted_.size();
    }
  }

  std::vector<Symbol> symbols_;
  std::vector<uint64_t> keys_;  // of the pair that each symbol begins
  std::vector<uint64_t> sorted_, made_;
  uint32_t end_ = 0;
};

// Merges a text of any length in the memory of a stretch of it. What merging gives is known by its
// neighbours: tokens in a row are the text's own if any two of them, put together and merged, stay those two.
// (The first merge across one of their borders, in the order of merging the whole, would happen between these
// two alone as well.) So a long text is merged in stretches that overlap; each is taken up to a token before
// its end, and where two meet it is seen whether they may: in longer stretches where not, in the end in one.
//
// `character(text, at)` -> {bytes, token}; `look_up(left, right, joined)` -> Merge; `visit(part, token)` in
// order, false: no more are wanted. Adds to `steps` as Merger does.
inline constexpr size_t kStretchBytes = size_t{16} << 10;

template <typename Character, typename LookUp, typename Visit>
void merge_text(std::string_view text, Merger& merger, const Character& character, const LookUp& look_up,
                uint64_t& steps, const Visit& visit, size_t stretch = kStretchBytes) {
  const auto merge = [&](Merger& with, std::string_view part) {
    with.clear();
    for (size_t at = 0; at < part.size();) {
      const auto [bytes, token] = character(part, at);
      with.add(static_cast<uint32_t>(at), bytes, token);
      at += bytes;
    }
    const auto look_up_here = [&](TokenId left, TokenId right, uint32_t start, uint32_t end) {
      return look_up(left, right, part.substr(start, end - start));
    };
    with.run(look_up_here, steps);
  };
  Merger pair;
  const auto stay_apart = [&](std::string_view both, size_t border) {
    merge(pair, both);
    bool apart = true;
    pair.for_each([&](uint32_t start, uint32_t bytes, TokenId) {
      apart = apart && (start == border || (start == 0 && bytes == border));
    });
    return apart;
  };
  // False: two stretches do not meet.
  const auto merge_in_stretches = [&](const auto& take) {
    size_t before = 0;  // bytes of the last token, which ends at `at`
    for (size_t at = 0; at < text.size();) {
      const std::string_view part = text.substr(at, stretch);
      const size_t taken = at + part.size() == text.size() ? part.size() : part.size() - part.size() / 8;
      merge(merger, part);
      size_t end = 0;
      bool meets = true, wanted = true;
      merger.for_each([&](uint32_t start, uint32_t bytes, TokenId token) {
        if (!meets || !wanted || start + bytes > taken) return;
        if (start == 0 && before > 0) meets = stay_apart(text.substr(at - before, before + bytes), before);
        if (!meets) return;
        wanted = take(part.substr(start, bytes), token);
        end = start + bytes;
        before = bytes;
      });
      if (!wanted) return true;
      if (!meets || end == 0) return false;
      at += end;
    }
    return true;
  };
  const auto nothing = [](std::string_view, TokenId) { return true; };
  while (text.size() > stretch && !merge_in_stretches(nothing)) stretch *= 2;
  merge_in_stretches(visit);
}

}  // namespace gantry::tokenizer
