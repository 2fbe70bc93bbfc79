// The prefix cache's index: finds the name of the page that already holds the keys and values which a
// sequence is about to compute. The names form one tree for each root key (roots.h). A name is found by its
// root, its parent (that of the page before it in the sequence, kNoName for the first) and its page's own
// kPageTokens tokens, so a chain of hits from the first page on matches the whole prefix, token for token.
// The hash only shortens the search: root, parent and tokens are always compared. Where the page lies is no
// matter here.
//
// Idle names (their page is on the device and held by no sequence) are queued for eviction, least recently
// used first. Must hold: those children of an idle name that are on the device are idle and are queued before
// it, so evicting from the front never leaves children behind. The caller guarantees it by releasing the
// pages of a sequence from the last to the first. Everything is allocated at construction. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/ids.h"
#include "kv/name.h"
#include "kv/recency.h"
#include "kv/roots.h"

namespace gantry::kv {

using PageTokens = std::span<const TokenId, kPageTokens>;

class PrefixIndex {
 public:
  // hash_mask: the bits of the hash that are used; tests leave few, to make collisions common.
  PrefixIndex(uint32_t names, uint32_t roots, uint64_t hash_mask = ~uint64_t{0});

  Roots& roots() { return roots_; }
  const Roots& roots() const { return roots_; }

  // The name that follows `parent` with these tokens, or kNoName.
  NameId find(RootId root, NameId parent, PageTokens tokens) const;
  // `name` is free, no equal one is there, and the parent is indexed under the same root (or kNoName).
  void insert(NameId name, RootId root, NameId parent, PageTokens tokens);
  bool contains(NameId name) const { return entries_[name].indexed; }
  RootId root_of(NameId name) const { return entries_[name].root; }  // of an indexed one, as the next
  NameId parent_of(NameId name) const { return entries_[name].parent; }
  // One without children, and not idle, is free again.
  void erase(NameId name);

  void set_idle(NameId name) { idle_.push(name); }    // now the most recently used idle one
  void set_busy(NameId name) { idle_.remove(name); }  // held again, or no longer on the device
  uint32_t idle() const { return idle_.size(); }
  bool is_idle(NameId name) const { return idle_.contains(name); }
  // The queue of idle names, least recently used first; kNoName at its end.
  NameId oldest_idle() const { return idle_.oldest(); }
  NameId next_idle(NameId name) const { return idle_.next(name); }
  // An idle one without children is free again.
  void evict(NameId name) {
    set_busy(name);
    erase(name);
  }

  // Equal for equal (root, parent, tokens); differs almost surely otherwise. Never 0.
  uint64_t key(RootId root, NameId parent, PageTokens tokens) const;

  // O(names), for tests.
  void check() const;

 private:
  struct Entry {
    std::array<TokenId, kPageTokens> tokens;
    uint64_t hash = 0;
    NameId parent = kNoName;
    uint32_t children = 0;
    RootId root = kNoRoot;
    bool indexed = false;
  };

  uint32_t place_of(uint64_t hash) const { return static_cast<uint32_t>(hash) & place_mask_; }

  const uint64_t hash_mask_;
  Roots roots_;
  uint32_t place_mask_ = 0;
  std::vector<Entry> entries_;  // by name
  std::vector<NameId> places_;  // open addressing with linear probing, at most half full
  Recency idle_;
};

}  // namespace gantry::kv
