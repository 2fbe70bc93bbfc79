// Checkpoints of recurrent states. One is a copy of a sequence's state at the border where a named page ends
// and is attached to that name: a sequence that takes over the page and all before it goes on from this
// state. Which is where, only: the bytes lie with the model. Everything is allocated at construction. One
// thread.
//
// A checkpoint is free, reserved (the step in hand writes it) or attached to a name. Attached ones are
// queued, least recently used first; reserve() takes the first of them when none is free.
#pragma once

#include <cstdint>
#include <vector>

#include "base/copies.h"
#include "kv/name.h"
#include "kv/recency.h"

namespace gantry::kv {

class Checkpoints {
 public:
  // `count` checkpoints, with the ids from `first` on.
  Checkpoints(uint32_t names, uint32_t count, StateId first);

  uint32_t count() const { return static_cast<uint32_t>(entries_.size()); }
  uint32_t attached() const { return queue_.size(); }

  // The checkpoint at the end of the name's page, or kNoState.
  StateId at(NameId name) const;
  // Whose checkpoint reserve() would take; kNoName for nobody's.
  NameId next_to_go() const;
  // One to be written: a free one, else the least recently used, which is detached. kNoState when all are
  // reserved.
  StateId reserve();
  // The name's own checkpoint, which it must have, detached to be written anew.
  StateId reserve_from(NameId name);
  void attach(StateId reserved, NameId name);  // to a name without one
  void give(StateId reserved);                 // not written, or not wanted: free again
  void drop(NameId name);                      // that of the name becomes free, if it has one
  void touch(NameId name);                     // a sequence went on from it: now the most recently used
  bool was_taken_over(NameId name) const;      // touched since it was attached

  // The free ones. For tests that poison them.
  void list_unused(std::vector<StateId>& out) const;
  // Everything that must hold, in O(names + count). For tests.
  void check() const;

 private:
  static constexpr uint32_t kNone = Recency::kNone;
  enum class Use : uint8_t { kFree, kReserved, kAttached };
  struct Entry {
    Use use = Use::kFree;
    bool taken_over = false;
    NameId name = kNoName;
  };

  uint32_t index(StateId state) const;
  void detach(uint32_t i);

  const StateId first_;
  std::vector<Entry> entries_;
  std::vector<uint32_t> free_;     // a stack
  std::vector<uint32_t> of_name_;  // [names]: the entry attached to each, or kNone
  Recency queue_;                  // of entries that are attached
};

}  // namespace gantry::kv
