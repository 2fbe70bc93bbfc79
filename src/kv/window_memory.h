// Pages of the layers that see only the last `window` positions: a sequence holds those that its next row can
// see and gives the others back as it goes on. A part of SequenceMemory, whose pages name the prefixes: when
// a page is full, its content is attached to the indexed page of the same tokens, and stays there while there
// is room, so that a prompt with the same beginning can take the end of it over.
//
// Must hold: a slot never needs more than window_share() pages, and there are that many for each; so taking
// one always succeeds. Everything is allocated at construction. One thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/ids.h"
#include "base/windows.h"
#include "kv/page_pool.h"

namespace gantry::kv {

class WindowMemory {
 public:
  // `names`: pages of the pool that names prefixes. `tables`: [slots, pages_max], kNoPage where nothing is
  // held; they outlive this.
  WindowMemory(uint32_t window, uint32_t pages, uint32_t names, std::span<PageId> tables, uint32_t pages_max);

  uint32_t free() const { return pool_.free(); }

  // Whether a sequence could go on after these pages: all that its next row sees is attached to them.
  bool covers(std::span<const PageId> names) const;
  // Takes that over.
  void adopt(uint32_t slot, std::span<const PageId> names);
  // Room for positions [written, positions).
  void grow(uint32_t slot, uint32_t written, uint32_t positions);
  // Positions up to `positions` are written. names: the indexed pages of the slot from page `first` on that
  // have become full; empty when nothing is to be kept.
  void commit(uint32_t slot, uint32_t positions, uint32_t first, std::span<const PageId> names);
  void close(uint32_t slot);
  // The name stands for other tokens from now on.
  void forget(PageId name);

  // Everything that must hold, in O(pages + names + slots * pages_max). For tests.
  void check() const;

 private:
  struct Page {
    PageId name = kNoPage;  // attached to
    bool idle = false;      // attached and held by nobody
    PageId older = kNoPage, newer = kNoPage;
  };
  struct Slot {
    uint32_t first = 0, end = 0;  // pages [first, end) are held
  };

  uint32_t first_seen(uint32_t position) const {
    return position < window_ ? 0 : (position - window_ + 1) / kPageTokens;
  }
  std::span<PageId> table(uint32_t slot) { return tables_.subspan(size_t{slot} * pages_max_, pages_max_); }
  PageId take();
  void hold(PageId page);
  void release(PageId page);
  void release_before(uint32_t slot, uint32_t end);
  void unlink(PageId page);

  const uint32_t window_, pages_max_;
  PagePool pool_;
  std::vector<Page> pages_;
  std::vector<PageId> of_name_;  // [names], kNoPage without
  std::span<PageId> tables_;
  std::vector<Slot> slots_;
  PageId oldest_ = kNoPage, newest_ = kNoPage;  // of the idle ones
};

}  // namespace gantry::kv
