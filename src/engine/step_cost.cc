#include "engine/step_cost.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace gantry::engine {
namespace {

constexpr double kReachUnit = 1024;  // so that all parts are of one order

}  // namespace

StepCost::Parts StepCost::parts_of(const StepWork& work) {
  return {1, static_cast<double>(work.rows), static_cast<double>(work.picks),
          static_cast<double>(work.reach) / kReachUnit};
}

bool StepCost::took(const StepWork& work, Duration time) {
  if (work.rows == 0) return true;
  constexpr double kNewest = 0.15;  // its share in the mean of what was seen
  const double seconds = std::max(std::chrono::duration<double>(time).count(), 1e-9);
  const Parts parts = parts_of(work);
  Seen& seen = seen_[2 * static_cast<size_t>(std::bit_width(work.rows)) + (work.picks == work.rows ? 1 : 0)];
  ++steps_;
  // One that was held up counts for what could have been. Where the machine has become another, what was seen
  // before is soon forgotten.
  constexpr double kHeldUp = 2, kFarOff = 1.5, kQuick = 0.5;
  const double counted = seen.weight >= 1 ? std::min(seconds, kHeldUp * seen.seconds) : seconds;
  const double expected = of(work), off = expected > 0 ? counted / expected : 1;
  const bool far_off = off > kFarOff || off < 1 / kFarOff;
  if (far_off)
    for (Seen& other : seen_) {
      if (&other != &seen) other.weight *= kQuick;
    }
  const double share = std::max(far_off ? kQuick : kNewest, 1 / (seen.weight + 1));
  for (size_t i = 0; i < kParts; ++i) seen.work[i] += share * (parts[i] - seen.work[i]);
  seen.seconds += share * (counted - seen.seconds);
  seen.weight = std::min(seen.weight + 1, 1 / kNewest);
  seen.at = steps_;
  fit();
  known_ = true;
  return !far_off;
}

void StepCost::fit() {
  constexpr double kAge = 500;  // steps after which what was seen counts for a third
  constexpr int kRounds = 60;
  std::array<Parts, kParts> products{};
  Parts with_time{};
  for (const Seen& seen : seen_) {
    if (seen.weight == 0) continue;
    const double weight = seen.weight * std::exp(-static_cast<double>(steps_ - seen.at) / kAge);
    const double relative = weight / (seen.seconds * seen.seconds);
    for (size_t i = 0; i < kParts; ++i) {
      for (size_t j = 0; j < kParts; ++j) products[i][j] += relative * seen.work[i] * seen.work[j];
      with_time[i] += relative * seen.work[i] * seen.seconds;
    }
  }
  // From nothing, and the rows' part first: what equal steps cannot tell apart is theirs, so that smaller
  // ones are tried.
  each_ = {};
  for (int round = 0; round < kRounds; ++round)
    for (const size_t i : {1u, 2u, 3u, 0u}) {
      if (products[i][i] <= 0) continue;
      double rest = with_time[i];
      for (size_t j = 0; j < kParts; ++j)
        if (j != i) rest -= products[i][j] * each_[j];
      each_[i] = std::max(0.0, rest / products[i][i]);
    }
}

double StepCost::of(const StepWork& work) const {
  const Parts parts = parts_of(work);
  double seconds = 0;
  for (size_t i = 0; i < kParts; ++i) seconds += each_[i] * parts[i];
  return seconds;
}

double StepCost::of_row(uint64_t position) const {
  return each_[1] + each_[3] * static_cast<double>(position + 1) / kReachUnit;
}

}  // namespace gantry::engine
