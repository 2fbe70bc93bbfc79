// Recurrent states of a live model by number, and what is done with them between the rows of a step.
#pragma once

#include <cstdint>

namespace gantry {

using StateId = uint32_t;  // index into the pool of recurrent states of one live model
inline constexpr StateId kNoState = 0xffffffffu;

// One state written over another.
struct StateCopy {
  StateId from = kNoState;
  StateId to = kNoState;
  bool operator==(const StateCopy&) const = default;
};

}  // namespace gantry
