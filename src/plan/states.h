// How one sequence's recurrent state lies in memory: the parts of all recurrent layers one after the other,
// float32, the same on every device (contract S1).
#pragma once

#include <cstdint>
#include <vector>

#include "arch/blueprint.h"

namespace gantry::plan {

// One layer's part, in bytes from the beginning of the state. Empty for layers without a state.
struct LayerState {
  uint64_t conv = 0;    // [taps - 1, channels], the last inputs of the convolution
  uint64_t memory = 0;  // what the scan or the delta rule keeps (device/recurrent_ops.h)
};

struct StateLayout {
  std::vector<LayerState> layers;  // as in the Blueprint
  uint64_t bytes = 0;              // of one state, a multiple of 64; 0: the model is not recurrent
  uint32_t recurrent_layers = 0;
};
StateLayout state_layout(const arch::Blueprint& blueprint);

}  // namespace gantry::plan
