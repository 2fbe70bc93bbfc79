// Bookkeeping of recurrent states: one live state for each slot, which the model updates in place, and
// checkpoints of it at page borders. Decides which states are copied before and after a step, and where the
// slices of a prefill should end so that a checkpoint can be taken there. A checkpoint that has to make room
// moves to a tier beyond the device, where there are places, and sequences go on from there as well.
//
// States [0, slots) are live, the others are checkpoints. A part of SequenceMemory: see there for the order
// of calls. Everything is allocated at construction. One thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/copies.h"
#include "kv/checkpoints.h"
#include "kv/far_places.h"
#include "kv/pending_copies.h"

namespace gantry::kv {

class StateMemory {
 public:
  struct Layout {
    uint32_t slots = 0, names = 0, checkpoints = 0, far = 0;
  };
  // `pending` outlives it.
  StateMemory(const Layout& layout, PendingCopies& pending);

  const Checkpoints& checkpoints() const { return checkpoints_; }
  const FarPlaces& far() const { return far_; }
  // Whether a sequence can go on where the name's page ends, and whether that moves a state.
  bool has(NameId name) const { return checkpoints_.at(name) != kNoState || is_far(name); }
  bool is_far(NameId name) const { return checkpoints_.at(name) == kNoState && far_.at(name) != kNoPlace; }

  // The slot begins: from the empty state that every sequence has before position 0; from the checkpoint of
  // `name`, which nothing overwrites before the next step; or from where another slot is now.
  void start(uint32_t slot);
  void start_at(uint32_t slot, NameId name);
  void start_from(uint32_t slot, uint32_t other);
  void close(uint32_t slot);

  // Where the next slice of a sequence of `tokens` tokens should end at the latest: a step can take only the
  // checkpoint at the end of a slice, so the slice must not run past one that is due.
  uint32_t slice_end(uint32_t written, uint32_t tokens) const;

  // A step: begin_step(), will_write() for each of its sequences, then commit() for each of them.
  void begin_step() { saves_.clear(); }
  void will_write(uint32_t slot, uint32_t positions, uint32_t tokens);
  // `name`: of the page that ends at the position now written; kNoName between page borders.
  void commit(uint32_t slot, NameId name);
  // The name is given up, and its checkpoint with it.
  void forget(NameId name) {
    checkpoints_.drop(name);
    far_.give(name);
  }

  // After the rows of the step, in this order: checkpoints that move away, and those that are taken.
  std::span<const Copy> saves() const { return saves_; }

  // The free checkpoints and the live states of closed slots.
  void list_unused(std::vector<StateId>& out) const;
  void check() const;

 private:
  struct Slot {
    bool open = false;
    StateId reserved = kNoState;    // the checkpoint that the current step saves
    bool reserved_follows = false;  // it is the one that moves along with the end of the sequence
    NameId follower = kNoName;      // the name that has that one now
  };

  uint32_t stride(uint32_t tokens) const;
  StateId reserve();

  PendingCopies& pending_;
  Checkpoints checkpoints_;
  FarPlaces far_;
  std::vector<Slot> slots_;
  std::vector<Copy> saves_;
};

}  // namespace gantry::kv
