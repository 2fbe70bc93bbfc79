// Copies that the next step makes before its rows, in the order in which they were asked for. Nothing is
// written between two steps, so the order alone decides: a page that gave its content away may be taken by
// another sequence, and be copied over, before the step has come.
//
// Copies are from the device to itself, moves go to another tier or come from there. Holds at most as many of
// each as it was made for. Who wants to add copies asks for room first; moves are bounded by what there is to
// move. Everything is allocated at construction. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/copies.h"

namespace gantry::kv {

class PendingCopies {
 public:
  explicit PendingCopies(size_t copies, size_t moves = 0);

  bool has_room(size_t copies) const { return copies <= copies_ - (pending_.size() - moving_); }
  void add(Kept what, uint32_t pool, uint32_t from, uint32_t to);
  void move(Kept what, uint32_t pool, Place from, Place to);
  // Nobody wants what was to come to `to`, on the device, any more, except for copies of it that are pending.
  void cancel(Kept what, uint32_t pool, uint32_t to);
  // Whether a pending one reads it, so that its content must stay.
  bool reads(Kept what, uint32_t pool, Place from) const;

  // A step begins: the pending copies are now the step's, until the next one begins.
  void begin_step();
  std::span<const Copy> of_step() const { return of_step_; }

 private:
  static bool is_move(const Copy& copy) {
    return copy.from.tier != Tier::kDevice || copy.to.tier != Tier::kDevice;
  }

  const size_t copies_, moves_;
  size_t moving_ = 0;  // of the pending ones
  std::vector<Copy> pending_, of_step_;
};

}  // namespace gantry::kv
