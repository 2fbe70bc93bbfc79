// The recurrent states of the sequences of one engine, as bookkeeping: a live one for each slot, which the
// model changes in place, and checkpoints at page borders. Says which states must be copied before and after
// a step and where the slices of a prefill should end so that a checkpoint can be taken.
//
// States [0, slots) are live, the others are checkpoints. A part of SequenceMemory: see there for the order
// of calls. Everything is allocated at construction. One thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/copies.h"
#include "base/ids.h"
#include "kv/checkpoints.h"

namespace gantry::kv {

class StateMemory {
 public:
  StateMemory(uint32_t slots, uint32_t pages, uint32_t checkpoints);

  const Checkpoints& checkpoints() const { return checkpoints_; }

  // The slot begins, from the empty state that every sequence has before position 0; or goes on from the
  // checkpoint of `page`, which stays in place until the next step has begun.
  void start(uint32_t slot);
  void start_at(uint32_t slot, PageId page);
  void close(uint32_t slot);

  // Where the next slice of a sequence of `tokens` tokens should end at the latest. Only there and before it
  // can the step take the checkpoints that are due.
  uint32_t slice_end(uint32_t written, uint32_t tokens) const;

  // A step: first begin, then what each sequence will have written, and after it one commit for each of them.
  void begin_step();
  void will_write(uint32_t slot, uint32_t positions, uint32_t tokens);
  // `page`: the indexed page that ends at the position now written; kNoPage between borders.
  void commit(uint32_t slot, PageId page);
  // The page is no longer what it was.
  void forget(PageId page) { checkpoints_.drop(page); }

  std::span<const Copy> restores() const { return restores_; }  // before the rows
  std::span<const Copy> saves() const { return saves_; }        // after them

  // As Checkpoints::list_unused(), the live states of closed slots too.
  void list_unused(std::vector<StateId>& out) const;
  void check() const;

 private:
  struct Slot {
    bool open = false;
    StateId from = kNoState;        // the checkpoint to be restored before the next rows
    StateId reserved = kNoState;    // the checkpoint that the current step writes
    bool reserved_follows = false;  // it follows the sequence's end
    PageId follower = kNoPage;      // the page whose checkpoint does
  };

  uint32_t stride(uint32_t tokens) const;

  Checkpoints checkpoints_;
  std::vector<Slot> slots_;
  std::vector<Copy> restores_, saves_;
};

}  // namespace gantry::kv
