// The prefix cache's index: finds the page that already holds the keys and values which a sequence is about
// to compute. The indexed pages form one tree for each root key (roots.h). A page is found by its root, its
// parent (the page before it in the sequence, kNoPage for the first) and its own kPageTokens tokens, so a
// chain of hits from the first page on matches the whole prefix, token for token. The hash only shortens the
// search: root, parent and tokens are always compared.
//
// Idle pages (indexed, held by no sequence) are queued for eviction, least recently used first. Must hold:
// the children of an idle page are idle and are queued before it, so evicting from the front never removes a
// page whose children remain. The caller guarantees it by releasing the pages of a sequence from the last to
// the first. Everything is allocated at construction. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/ids.h"
#include "kv/roots.h"

namespace gantry::kv {

using PageTokens = std::span<const TokenId, kPageTokens>;

class PrefixIndex {
 public:
  // hash_mask: the bits of the hash that are used; tests leave few, to make collisions common.
  PrefixIndex(uint32_t pages, uint32_t roots, uint64_t hash_mask = ~uint64_t{0});

  Roots& roots() { return roots_; }
  const Roots& roots() const { return roots_; }

  // The page that follows `parent` with these tokens, or kNoPage.
  PageId find(RootId root, PageId parent, PageTokens tokens) const;
  // `page` is not indexed, no equal page is, and the parent is indexed under the same root (or kNoPage).
  void insert(PageId page, RootId root, PageId parent, PageTokens tokens);
  bool contains(PageId page) const { return pages_[page].indexed; }
  RootId root_of(PageId page) const { return pages_[page].root; }  // of an indexed page

  void set_idle(PageId page);  // its last holder released it: now the most recently used idle page
  void set_busy(PageId page);  // a sequence holds it again
  uint32_t idle() const { return idle_count_; }
  bool is_idle(PageId page) const { return pages_[page].idle; }
  // The queue of idle pages, least recently used first; kNoPage at its end.
  PageId oldest_idle() const { return oldest_; }
  PageId next_idle(PageId page) const { return pages_[page].newer; }
  // An idle page without children is no longer indexed.
  void evict(PageId page);

  // Equal for equal (root, parent, tokens); differs almost surely otherwise. Never 0.
  uint64_t key(RootId root, PageId parent, PageTokens tokens) const;

  // O(pages), for tests.
  void check() const;

 private:
  struct Page {
    std::array<TokenId, kPageTokens> tokens;
    uint64_t hash = 0;
    PageId parent = kNoPage;
    uint32_t children = 0;
    PageId older = kNoPage, newer = kNoPage;  // neighbours in the idle queue
    RootId root = kNoRoot;
    bool indexed = false, idle = false;
  };

  uint32_t place_of(uint64_t hash) const { return static_cast<uint32_t>(hash) & place_mask_; }
  void erase(PageId page);
  void unlink(PageId page);

  const uint64_t hash_mask_;
  Roots roots_;
  uint32_t place_mask_ = 0;
  std::vector<Page> pages_;     // [pages], by page id
  std::vector<PageId> places_;  // open addressing with linear probing, at most half full
  PageId oldest_ = kNoPage, newest_ = kNoPage;
  uint32_t idle_count_ = 0;
};

}  // namespace gantry::kv
