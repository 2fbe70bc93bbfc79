// A queue of things, numbered from 0, in the order in which they were last used. Every call O(1), everything
// is allocated at construction. One thread.
#pragma once

#include <cstdint>
#include <vector>

#include "base/check.h"

namespace gantry::kv {

class Recency {
 public:
  static constexpr uint32_t kNone = 0xffffffffu;

  explicit Recency(uint32_t things) : entries_(things) {}

  bool contains(uint32_t thing) const { return entries_[thing].queued; }
  uint32_t size() const { return size_; }
  // kNone at the end.
  uint32_t oldest() const { return oldest_; }
  uint32_t next(uint32_t thing) const { return entries_[thing].newer; }

  // Is now the most recently used; it was not queued.
  void push(uint32_t thing) {
    Entry& entry = entries_[thing];
    GANTRY_CHECK(!entry.queued);
    entry = {newest_, kNone, true};
    (newest_ == kNone ? oldest_ : entries_[newest_].newer) = thing;
    newest_ = thing;
    ++size_;
  }
  void remove(uint32_t thing) {
    Entry& entry = entries_[thing];
    GANTRY_CHECK(entry.queued);
    (entry.older == kNone ? oldest_ : entries_[entry.older].newer) = entry.newer;
    (entry.newer == kNone ? newest_ : entries_[entry.newer].older) = entry.older;
    entry = {};
    --size_;
  }

  // The queue is what is marked as queued. For tests.
  void check() const {
    uint32_t queued = 0, marked = 0;
    for (uint32_t i = oldest_; i != kNone; i = entries_[i].newer) {
      GANTRY_CHECK(entries_[i].queued);
      GANTRY_CHECK_LE(++queued, size_);
    }
    for (const Entry& entry : entries_) marked += entry.queued ? 1u : 0u;
    GANTRY_CHECK_EQ(queued, size_);
    GANTRY_CHECK_EQ(marked, size_);
  }

 private:
  struct Entry {
    uint32_t older = kNone, newer = kNone;
    bool queued = false;
  };

  std::vector<Entry> entries_;
  uint32_t oldest_ = kNone, newest_ = kNone, size_ = 0;
};

}  // namespace gantry::kv
