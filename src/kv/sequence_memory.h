// What the sequences of one engine remember, as bookkeeping: which pages belong to which sequence, which are
// shared, which stay cached for a later prompt with the same prefix; for models with recurrent layers, the
// states and their checkpoints; for layers with a window, the pages that they still need. The engine speaks
// of slots and positions only.
//
// The life of a slot: open (or fork) -> adopt what is cached -> (grow for the next rows -> begin_step,
// will_write -> the model writes them -> commit)* -> close. Must hold: free + cached + held pages == all
// pages; a page that a step writes has one holder and is not indexed; all full pages of a slot are indexed,
// so slots with equal prefixes under equal roots hold the same pages. Everything is allocated at
// construction. One thread.
//
// What is cached and has to make room on the device moves to a tier beyond it, where that has places, and is
// brought back when a prompt wants it: copies like those of a fork, made before the step's rows.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/copies.h"
#include "base/ids.h"
#include "base/pages.h"
#include "kv/named_pages.h"
#include "kv/pending_copies.h"
#include "kv/state_memory.h"
#include "kv/window_memory.h"

namespace gantry::kv {

struct MemoryLayout {
  uint32_t pages = 0;        // in the pool
  uint32_t slots = 0;        // sequences at a time
  uint32_t pages_max = 0;    // in one sequence
  bool prefix_cache = true;  // share equal prefixes, keep the pages of sequences that have ended
  bool recurrent = false;    // slot i updates state i in place
  uint32_t checkpoints = 0;  // states [slots, slots + checkpoints); used with the prefix cache only
  // One for each length of window: its pages, window_share() for each slot.
  struct Window {
    uint32_t window = 0, pages = 0;
  };
  std::vector<Window> windows = {};
  TierSizes host = {};                // used with the prefix cache only
  uint32_t fetched_max = 0;           // pages and states that one step brings back at most
  uint64_t hash_mask = ~uint64_t{0};  // see PrefixIndex
};

using gantry::pages_for;

class SequenceMemory {
 public:
  explicit SequenceMemory(const MemoryLayout& layout);
  SequenceMemory(const SequenceMemory&) = delete;  // its parts point at each other
  SequenceMemory& operator=(const SequenceMemory&) = delete;

  // A slot for a new sequence, which shares pages only with sequences of an equal root; negative when all
  // slots are open.
  int32_t open(const RootKey& root = {});
  // A slot that goes on from where another is: it shares the full pages and gets a copy of the partly filled
  // last one and of the state, made before the next step's rows. Negative, and nothing has changed, when
  // there is no slot, no page or no room for the copies. Between steps only, as all that follows up to
  // slice_end().
  int32_t fork(int32_t slot);
  // Its pages are released; full ones stay cached while there is room.
  void close(int32_t slot);

  // At a page border: takes over the cached pages of the same tokens, as far as windows and recurrent layers
  // can go on from there; at least the last token is always left to be computed. Returns the positions
  // gained. `tokens`: all of the sequence. adopt() takes what lies on the device, and no page out of
  // available() but what was cached there; fetch() also brings back what lies beyond it, and takes pages for
  // that.
  uint32_t adopt(int32_t slot, std::span<const TokenId> tokens) { return adopt(slot, tokens, false); }
  uint32_t fetch(int32_t slot, std::span<const TokenId> tokens) { return adopt(slot, tokens, true); }
  // Makes room for positions [0, positions) and returns how many positions there is room for now; fewer than
  // asked for when the pages have run out.
  uint32_t grow(int32_t slot, uint32_t positions);
  // Whether rollback() to so many positions is possible: always to 0 and to what is written; else where
  // windows still have, or find attached, what the next row attends to, and, with recurrent layers, only at a
  // page border that has a checkpoint on the device.
  bool can_roll_back(int32_t slot, uint32_t positions) const;
  // Drops what is written from `positions` on (tokens of a draft that were not accepted). Pages that become
  // empty are released. A page that is indexed or shared is never written again: the slot gives it up for a
  // copy of its own. Returns the positions that are now written: fewer than asked for when there is no page
  // for that copy.
  uint32_t rollback(int32_t slot, uint32_t positions);
  // Where the next rows of the sequence should end at the latest, so that a checkpoint that is due can be
  // taken; tokens.size() where none is.
  uint32_t slice_end(int32_t slot, std::span<const TokenId> tokens) const;

  // A step: first begin_step, then for each of its sequences the positions that it will have written.
  void begin_step();
  void will_write(int32_t slot, std::span<const TokenId> tokens, uint32_t positions);
  // What must be copied before and after the rows of the step, in this order. They hold until the next step.
  std::span<const Copy> copies_before() const { return pending_.of_step(); }
  std::span<const Copy> copies_after() const { return states_.saves(); }
  // The model has written positions [0, positions), which hold these tokens.
  void commit(int32_t slot, std::span<const TokenId> tokens, uint32_t positions);

  // Identifies the page that the slot will write next: equal for slots that would write equal pages. 0 when
  // that page cannot be shared: the cache is off, `tokens` do not fill the page, or no state could be kept.
  uint64_t next_page_key(int32_t slot, std::span<const TokenId> tokens) const;

  uint32_t written(int32_t slot) const { return slots_[index(slot)].written; }
  uint32_t held(int32_t slot) const { return slots_[index(slot)].pages; }
  // Pages that grow() can still hand out.
  uint32_t available() const { return pages_.available(); }
  uint32_t free() const { return pages_.pool().free(); }
  uint32_t kept() const { return pages_.index().idle(); }    // cached and held by no slot
  uint32_t kept_far() const { return pages_.far().used(); }  // cached beyond the device
  uint32_t pages() const { return pages_.pool().pages(); }
  uint32_t roots() const { return pages_.index().roots().known(); }
  uint64_t fetched() const { return fetched_; }  // pages and states brought back so far

  // [slots, pages_max], kNoPage beyond a sequence's end: what the model reads.
  std::span<const PageId> tables() const { return tables_; }
  // [windows, slots, pages_max], kNoPage beyond the end and where no window reaches any more.
  std::span<const PageId> window_tables() const { return window_tables_; }

  uint32_t checkpoints() const { return states_.checkpoints().attached(); }  // that are kept now

  // Everything whose content nobody may read any more. For tests that poison it.
  struct Unused {
    Kept what;
    uint32_t pool;
    Place place;
  };
  std::vector<Unused> list_unused() const;
  // Everything that must hold between two steps, in O(pages + slots * pages_max). For tests.
  void check() const;

 private:
  struct Slot {
    bool open = false;
    RootId root = kNoRoot;  // with the prefix cache only
    uint32_t pages = 0;     // in its table
    uint32_t written = 0;   // positions
  };

  size_t index(int32_t slot) const;
  std::span<PageId> table(int32_t slot);
  std::span<const PageId> table(int32_t slot) const;
  std::span<NameId> names(int32_t slot);
  std::span<const NameId> names(int32_t slot) const;
  int32_t open_slot(RootId root);
  uint32_t adopt(int32_t slot, std::span<const TokenId> tokens, bool fetches);
  uint32_t usable(int32_t slot, std::span<const TokenId> tokens, bool fetches);
  void forget(NameId name);
  void release_pages_from(int32_t slot, uint32_t first);
  void name_pages(int32_t slot, uint32_t first, std::span<const TokenId> tokens);
  bool can_go_on_after(std::span<const NameId> names) const;
  uint32_t count_far(std::span<const NameId> names) const;
  std::span<const NameId> names_before(int32_t slot, uint32_t positions) const;
  uint32_t border_to_roll_back_to(int32_t slot, uint32_t positions) const;
  void check_slots() const;

  const MemoryLayout layout_;
  PendingCopies pending_;
  NamedPages pages_;
  StateMemory states_;
  std::vector<Slot> slots_;
  std::vector<int32_t> closed_;  // a stack of closed slots
  std::vector<PageId> tables_;   // [slots, pages_max]
  std::vector<NameId> names_;    // the same, of full pages; with the prefix cache only
  std::vector<PageId> window_tables_;
  std::vector<WindowMemory> windows_;
  uint32_t fetches_left_;  // until the next step
  uint64_t fetched_ = 0;
};

}  // namespace gantry::kv
