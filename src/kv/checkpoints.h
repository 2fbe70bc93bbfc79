// Checkpoints of recurrent states. One is a copy of a sequence's state at the border where an indexed page
// ends and is attached to that page: a sequence that takes over the page and all before it goes on from this
// state. Which is where, only: the bytes lie with the model. Everything is allocated at construction. One
// thread.
//
// A checkpoint is free, reserved (the step in hand writes it) or attached to a page. Attached ones are
// queued, least recently used first; reserve() takes the first of them when none is free.
#pragma once

#include <cstdint>
#include <vector>

#include "base/copies.h"
#include "base/ids.h"

namespace gantry::kv {

class Checkpoints {
 public:
  // `count` checkpoints, with the ids from `first` on, for pages of a pool of `pages`.
  Checkpoints(uint32_t pages, uint32_t count, StateId first);

  uint32_t count() const { return static_cast<uint32_t>(entries_.size()); }
  uint32_t attached() const { return attached_; }

  // The checkpoint at the end of `page`, or kNoState.
  StateId at(PageId page) const;
  // One to be written: a free one, else the least recently used, which is detached. kNoState when all are
  // reserved.
  StateId reserve();
  // The page's own checkpoint, which it must have, detached to be written anew.
  StateId reserve_from(PageId page);
  void attach(StateId reserved, PageId page);  // to a page without one
  void give(StateId reserved);                 // not written, or not wanted: free again
  void drop(PageId page);                      // that of the page becomes free, if it has one
  void touch(PageId page);                     // a sequence went on from it: now the most recently used
  bool was_taken_over(PageId page) const;      // touched since it was attached

  // The free ones. For tests that poison them.
  void list_unused(std::vector<StateId>& out) const;
  // Everything that must hold, in O(pages + count). For tests.
  void check() const;

 private:
  static constexpr uint32_t kNone = 0xffffffffu;
  enum class Use : uint8_t { kFree, kReserved, kAttached };
  struct Entry {
    Use use = Use::kFree;
    bool taken_over = false;
    PageId page = kNoPage;
    uint32_t older = kNone, newer = kNone;
  };

  uint32_t index(StateId state) const;
  void push_newest(uint32_t i);
  void unlink(uint32_t i);
  void detach(uint32_t i);

  const StateId first_;
  std::vector<Entry> entries_;
  std::vector<uint32_t> free_;     // a stack
  std::vector<uint32_t> of_page_;  // [pages]: the entry attached to each, or kNone
  uint32_t oldest_ = kNone, newest_ = kNone, attached_ = 0;
};

}  // namespace gantry::kv
