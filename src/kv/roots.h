// The roots of the prefix forest: one tree of pages for each key under which sequences are open or pages are
// cached. A root is known from the first sequence that opens it until its last sequence is closed and its
// last page is evicted. Of fixed size, everything allocated at construction. One thread.
#pragma once

#include <cstdint>
#include <vector>

#include "kv/root_key.h"

namespace gantry::kv {

using RootId = uint32_t;
inline constexpr RootId kNoRoot = 0xffffffffu;

class Roots {
 public:
  // hash_mask: see PrefixIndex.
  Roots(uint32_t count, uint64_t hash_mask);

  // One more sequence is open under this key; kNoRoot when the key is new and no root is free.
  RootId open(const RootKey& key);
  void open(RootId root) { ++entries_[root].sequences; }
  void close(RootId root);
  void add_page(RootId root) { ++entries_[root].pages; }
  void remove_page(RootId root);

  // Of the roots without an open sequence the one that was opened longest ago; kNoRoot without such.
  RootId least_recent() const;
  // Where the hashes of its pages start from. The key itself is what is compared.
  uint64_t hash(RootId root) const { return entries_[root].hash; }
  uint32_t sequences(RootId root) const { return entries_[root].sequences; }
  uint32_t pages(RootId root) const { return entries_[root].pages; }
  uint32_t count() const { return static_cast<uint32_t>(entries_.size()); }
  uint32_t known() const;

  // No key is known twice. O(roots^2), for tests.
  void check() const;

 private:
  struct Entry {
    RootKey key;
    uint64_t hash = 0;
    uint64_t opened = 0;  // when it was last opened
    uint32_t sequences = 0, pages = 0;
    bool known() const { return sequences + pages > 0; }
  };

  const uint64_t hash_mask_;
  uint64_t time_ = 0;
  std::vector<Entry> entries_;
};

}  // namespace gantry::kv
