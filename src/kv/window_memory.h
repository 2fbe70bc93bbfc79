// Pages of the layers that attend only to the last `window` positions: a sequence holds the pages that its
// next row attends to and releases the others as it goes on. A part of SequenceMemory. Window pages are not
// indexed themselves: a full one is attached to the name of the page of the main pool that holds the same
// positions of the same prefix, and stays cached there while there is room, so that a prompt with this prefix
// can take it over. One that has to make room moves to a tier beyond the device, where there are places.
//
// Must hold: a slot never holds more than window_share() pages, and the pool has that many for each slot; so
// taking a page always succeeds. Everything is allocated at construction. One thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/ids.h"
#include "base/windows.h"
#include "kv/far_places.h"
#include "kv/page_pool.h"
#include "kv/pending_copies.h"

namespace gantry::kv {

class WindowMemory {
 public:
  struct Layout {
    uint32_t pool = 0;  // its number, for copies
    uint32_t window = 0, pages = 0;
    uint32_t names = 0;
    uint32_t pages_max = 0;  // of one sequence
    uint32_t far = 0;        // places beyond the device
  };
  // `tables`: [slots, pages_max], kNoPage where nothing is held. Both outlive this.
  WindowMemory(const Layout& layout, std::span<PageId> tables, PendingCopies& pending);

  // Whether a sequence can go on after the prefix of these names: everything that its next row attends to is
  // attached to them.
  bool covers(std::span<const NameId> names) const;
  // How much of that is beyond the device.
  uint32_t count_far(std::span<const NameId> names) const;
  // Takes that over; what is beyond the device is brought back before the next step.
  void adopt(uint32_t slot, std::span<const NameId> names);
  // Makes room for positions [written, positions).
  void grow(uint32_t slot, uint32_t written, uint32_t positions);
  // Positions up to `positions` are written. names: of the slot's pages, from page `first` on, that have
  // become full; empty when nothing is to be cached.
  void commit(uint32_t slot, uint32_t positions, uint32_t first, std::span<const NameId> names);
  // `slot`, which holds nothing, goes on from where `other` is after `written` positions: full pages are
  // shared, a partly filled one is copied.
  void fork(uint32_t slot, uint32_t other, uint32_t written);
  // Whether what a row at `positions` attends to is still held, or attached to `names` on the device: those
  // of the slot's full pages before that row, empty when nothing is cached.
  bool can_roll_back(uint32_t slot, uint32_t positions, std::span<const NameId> names) const;
  // Takes that back, and releases what lies beyond.
  void rollback(uint32_t slot, uint32_t positions, std::span<const NameId> names);
  void close(uint32_t slot);
  // The name is given up.
  void forget(NameId name);

  const FarPlaces& far() const { return far_; }
  // The free pages.
  void list_unused(std::vector<PageId>& out) const;

  // Everything that must hold, in O(pages + names + slots * pages_max). For tests.
  void check() const;

 private:
  struct Slot {
    uint32_t first = 0, end = 0;  // pages [first, end) are held
  };

  // The first page that a row at this position attends to.
  uint32_t first_seen(uint32_t position) const {
    return position < window_ ? 0 : (position - window_ + 1) / kPageTokens;
  }
  std::span<PageId> table(uint32_t slot) { return tables_.subspan(size_t{slot} * pages_max_, pages_max_); }
  PageId take();
  void hold(PageId page);
  void release(PageId page);
  void release_before(uint32_t slot, uint32_t end);
  void release_from(uint32_t slot, uint32_t begin);
  void make_own(PageId& page);
  void attach(PageId page, NameId name);
  void detach(PageId page);
  void make_free(PageId idle);

  PendingCopies& pending_;
  const uint32_t number_, window_, pages_max_;
  PagePool pool_;
  std::vector<NameId> names_;    // [pages]: what each is attached to
  std::vector<PageId> of_name_;  // [names]: the page attached to each, or kNoPage
  FarPlaces far_;                // of a name either this or that
  Recency idle_;                 // pages that are attached, and held by no slot
  std::span<PageId> tables_;
  std::vector<Slot> slots_;
};

}  // namespace gantry::kv
