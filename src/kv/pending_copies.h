// Copies that the next step makes before its rows, in the order in which they were asked for. Nothing is
// written between two steps, so the order alone decides: a page that gave its content away may be taken by
// another sequence, and be copied over, before the step has come. Device to device.
//
// Holds at most as many as it was made for; who wants to add asks for room first. Everything is allocated at
// construction. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/copies.h"

namespace gantry::kv {

class PendingCopies {
 public:
  explicit PendingCopies(size_t capacity);

  bool has_room(size_t copies) const { return copies <= capacity_ - pending_.size(); }
  void add(Kept what, uint32_t pool, uint32_t from, uint32_t to);
  // Nobody wants what was copied to `to` any more, except for copies of it that are pending too.
  void cancel(Kept what, uint32_t pool, uint32_t to);
  // Whether a pending copy reads it, so that its content must stay.
  bool reads(Kept what, uint32_t pool, uint32_t from) const;

  // A step begins: the pending copies are now the step's, until the next one begins.
  void begin_step();
  std::span<const Copy> of_step() const { return of_step_; }

 private:
  const size_t capacity_;
  std::vector<Copy> pending_, of_step_;
};

}  // namespace gantry::kv
