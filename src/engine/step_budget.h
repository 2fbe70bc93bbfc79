// How long the next step may take, so that nobody waits long for another: a step has a time, not a size.
// Where answers are being written, prompts may stretch a step to a little more than what it takes without
// them; where none is, a step still ends soon, as a client that goes, a short prompt and a deadline are
// looked at between steps only. Where reading the weights alone takes longer, as much again is allowed for
// rows: smaller steps would only repeat it. What a step takes is estimated (step_cost.h); while little is
// known it is small, and at most doubles. One thread; pure.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>

#include "engine/step_cost.h"

namespace gantry::engine {

// What a step may come to.
struct StepRoom {
  uint32_t rows = 0;
  double seconds = std::numeric_limits<double>::infinity();
};

class StepBudget {
 public:
  using Duration = std::chrono::nanoseconds;

  static constexpr uint32_t kFirst = 64;  // rows
  // A step with prompts may take so many times what the answers that run, and those that are about to, take
  // without: beyond that a reader sees the text stop.
  static constexpr double kStretch = 2;

  // most: rows that a step may ever have. limit: of a step's time; 0: none, of gaps neither. gap: of a step
  // while answers run; 0: chosen as above.
  StepBudget(uint32_t most, Duration limit, Duration gap = {})
      : most_(most), limit_(seconds(limit)), gap_(seconds(gap)), tried_(std::min(most, kFirst / 2)) {}

  void took(const StepWork& work, Duration time) {
    if (limit_ == 0) return;
    const bool expected = cost_.took(work, time);
    tried_ = expected ? std::max(tried_, work.rows) : work.rows;
  }
  const StepCost& cost() const { return cost_; }

  // of_answers: a row for each answer that is being written; of_all: and one for each prompt that is read.
  StepRoom room(const StepWork& of_answers, const StepWork& of_all) const {
    if (limit_ == 0) return {.rows = most_};
    StepRoom room{.rows = std::min(most_, 2 * tried_)};  // of what was never tried nothing is known
    if (cost_.known()) room.seconds = limit(of_answers, of_all);
    return room;
  }
  // Of a step with this many answers and prompts, in seconds.
  double limit(const StepWork& of_answers, const StepWork& of_all) const {
    const double fixed = cost_.of({});
    const double longest = std::max(limit_, 2 * fixed);
    if (of_answers.rows == 0) return longest;
    return std::min(longest, gap_ > 0 ? gap_ : kStretch * cost_.of(of_all));
  }

 private:
  static double seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

  const uint32_t most_;
  const double limit_, gap_;
  uint32_t
      tried_;  // rows of the largest step since one took another time than expected; or half of the first
  StepCost cost_;
};

}  // namespace gantry::engine
