// What the sequences of one engine remember, as bookkeeping: which pages belong to which sequence, which are
// shared, which are kept for a later prompt with the same beginning; for models with recurrent layers, which
// states they have and which checkpoints of them; for layers with a window, which pages they still need. The
// engine speaks of slots and positions only.
//
// The life of a slot: open -> adopt what is known -> (grow for the next rows -> begin_step, will_write -> the
// model writes them -> commit)* -> close. Must hold: free + kept + held pages == all pages; a page that a
// step writes has one holder and is not indexed; all full pages of a slot are indexed, and two slots with
// equal beginnings end up holding the same pages. Everything is allocated at construction. One thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/copies.h"
#include "base/ids.h"
#include "kv/page_pool.h"
#include "kv/prefix_index.h"
#include "kv/state_memory.h"
#include "kv/window_memory.h"

namespace gantry::kv {

struct MemoryLayout {
  uint32_t pages = 0;        // in the pool
  uint32_t slots = 0;        // sequences at a time
  uint32_t pages_max = 0;    // in one sequence
  bool prefix_cache = true;  // share equal beginnings, keep the pages of sequences that have ended
  bool recurrent = false;    // slot i changes state i in place
  uint32_t checkpoints = 0;  // states [slots, slots + checkpoints); used with the prefix cache only
  // One for each length of window: its pages, window_share() for each slot.
  struct Window {
    uint32_t window = 0, pages = 0;
  };
  std::vector<Window> windows = {};
  uint64_t hash_mask = ~uint64_t{0};  // see PrefixIndex
};

// Pages that `positions` positions occupy.
constexpr uint32_t pages_for(uint32_t positions) { return (positions + kPageTokens - 1) / kPageTokens; }

class SequenceMemory {
 public:
  explicit SequenceMemory(const MemoryLayout& layout);

  // A slot for a new sequence; negative when all are open.
  int32_t open();
  // Pages go back; full ones are kept for others while there is room.
  void close(int32_t slot);

  // At a page's edge: takes over the full pages that others have written for the same tokens, always leaving
  // at least the last token to be computed; up to the deepest page that has what windows and recurrent layers
  // need to go on.
  // Returns the positions gained. `tokens`: all of the sequence.
  uint32_t adopt(int32_t slot, std::span<const TokenId> tokens);
  // Makes room for positions [0, positions) and returns how many positions there is room for now; fewer than
  // asked for when the pages have run out.
  uint32_t grow(int32_t slot, uint32_t positions);
  // Where the next rows of the sequence should end at the latest, so that a checkpoint that is due can be
  // taken; tokens.size() where none is.
  uint32_t slice_end(int32_t slot, std::span<const TokenId> tokens) const;

  // A step: first begin_step, then for each of its sequences the positions that it will have written.
  void begin_step();
  void will_write(int32_t slot, std::span<const TokenId> tokens, uint32_t positions);
  // What must be copied before and after the rows of the step.
  std::span<const Copy> copies_before() const { return states_.restores(); }
  std::span<const Copy> copies_after() const { return states_.saves(); }
  // The model has written positions [0, positions), which hold these tokens.
  void commit(int32_t slot, std::span<const TokenId> tokens, uint32_t positions);

  // Names the page that the slot will write next, equal for slots that would write the same page; 0 when
  // there is nothing to share: the cache is off, `tokens` do not fill that page, or no state could be kept.
  uint64_t next_page_key(int32_t slot, std::span<const TokenId> tokens) const;

  uint32_t written(int32_t slot) const { return slots_[index(slot)].written; }
  uint32_t held(int32_t slot) const { return slots_[index(slot)].pages; }
  // Pages that grow() can still hand out.
  uint32_t available() const { return pool_.free() + index_.idle(); }
  uint32_t free() const { return pool_.free(); }
  uint32_t kept() const { return index_.idle(); }
  uint32_t pages() const { return pool_.pages(); }

  // [slots, pages_max], kNoPage beyond a sequence's end: what the model reads.
  std::span<const PageId> tables() const { return tables_; }
  // [windows, slots, pages_max], kNoPage beyond the end and where no window reaches any more.
  std::span<const PageId> window_tables() const { return window_tables_; }

  uint32_t checkpoints() const { return states_.checkpoints().attached(); }  // that are kept now

  // States that hold nothing anybody may read. For tests that poison them.
  std::vector<StateId> unused_states() const;
  // Everything that must hold between two steps, in O(pages + slots * pages_max). For tests.
  void check() const;

 private:
  struct Slot {
    bool open = false;
    uint32_t pages = 0;    // in its table
    uint32_t written = 0;  // positions
  };

  size_t index(int32_t slot) const;
  std::span<PageId> table(int32_t slot);
  std::span<const PageId> table(int32_t slot) const;
  PageId take();
  void hold(PageId page);
  void release(PageId page);
  void name_pages(std::span<PageId> pages, uint32_t first, std::span<const TokenId> tokens);
  bool can_go_on_after(std::span<const PageId> pages) const;

  const MemoryLayout layout_;
  PagePool pool_;
  PrefixIndex index_;
  StateMemory states_;
  std::vector<Slot> slots_;
  std::vector<int32_t> closed_;  // a stack of closed slots
  std::vector<PageId> tables_;   // [slots, pages_max]
  std::vector<PageId> window_tables_;
  std::vector<WindowMemory> windows_;
};

}  // namespace gantry::kv
