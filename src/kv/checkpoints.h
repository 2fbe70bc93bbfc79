// Which copies of recurrent states are kept, and for which page: a checkpoint is the state of a sequence at
// the border where a page ends, so whoever takes over that page and all before it can go on from there. The
// bytes live with the model. Everything is allocated at construction. One thread.
//
// A checkpoint is free, reserved (a step is about to write it) or attached to a page. Attached ones stand in
// a queue, least recently used first, from which reserve() takes when none is free.
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
  // One to be written; the least recently used loses its page for it. kNoState when all are reserved.
  StateId reserve();
  // Takes the page's checkpoint, which it must have, to be written anew.
  StateId reserve_from(PageId page);
  void attach(StateId reserved, PageId page);  // the page has none
  void give(StateId reserved);                 // it was not written, or is not wanted
  void drop(PageId page);                      // the page's, if it has one, becomes free
  void touch(PageId page);                     // most recently used, and taken over at least once
  bool was_taken_over(PageId page) const;      // touch() since attach()

  // Ids that hold nothing that may be read. For tests that poison them.
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
  std::vector<uint32_t> of_page_;  // [pages], kNone without
  uint32_t oldest_ = kNone, newest_ = kNone, attached_ = 0;
};

}  // namespace gantry::kv
