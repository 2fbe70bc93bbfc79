// Finds the page that already holds what a sequence is about to compute. The indexed pages form a forest: a
// page is known by its parent page (the one before it in the sequence, kNoPage for the first) and its own
// kPageTokens tokens, so a chain of hits from the root is the whole beginning, token for token. The hash only
// speeds the search; parent and tokens are always compared.
//
// Idle pages (held by no sequence) stand in a queue, least recently used first. Must hold: an idle page's
// children are idle and stand before it, so evict() never leaves a child behind. The caller sees to it by
// releasing a sequence's pages from its end. Everything is allocated at construction. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/ids.h"

namespace gantry::kv {

using PageTokens = std::span<const TokenId, kPageTokens>;

class PrefixIndex {
 public:
  // hash_mask: bits of the hash that are used; tests leave few, so that many pages meet in one place.
  explicit PrefixIndex(uint32_t pages, uint64_t hash_mask = ~uint64_t{0});

  // The page that follows `parent` with these tokens, or kNoPage.
  PageId find(PageId parent, PageTokens tokens) const;
  // `page` is not indexed, nothing equal is, and the parent is indexed (or kNoPage).
  void insert(PageId page, PageId parent, PageTokens tokens);
  bool contains(PageId page) const { return pages_[page].indexed; }

  void set_idle(PageId page);  // the last holder left: most recently used of the idle
  void set_busy(PageId page);  // somebody holds it again
  // The least recently used idle page, no longer indexed; kNoPage when none is idle.
  PageId evict();
  uint32_t idle() const { return idle_count_; }
  bool is_idle(PageId page) const { return pages_[page].idle; }

  // Equal for equal (parent, tokens); differs almost surely otherwise. Never 0.
  uint64_t key(PageId parent, PageTokens tokens) const;

  // O(pages), for tests.
  void check() const;

 private:
  struct Page {
    std::array<TokenId, kPageTokens> tokens;
    uint64_t hash = 0;
    PageId parent = kNoPage;
    uint32_t children = 0;
    PageId older = kNoPage, newer = kNoPage;  // neighbours in the idle queue
    bool indexed = false, idle = false;
  };

  uint32_t place_of(uint64_t hash) const { return static_cast<uint32_t>(hash) & place_mask_; }
  void erase(PageId page);
  void unlink(PageId page);

  const uint64_t hash_mask_;
  uint32_t place_mask_ = 0;
  std::vector<Page> pages_;     // [pages], by page id
  std::vector<PageId> places_;  // open addressing with linear probing, at most half full
  PageId oldest_ = kNoPage, newest_ = kNoPage;
  uint32_t idle_count_ = 0;
};

}  // namespace gantry::kv
