// What a step must at least read and compute: the figures beside which a measured speed is judged. Weights
// count as the device keeps them, each once a step; activations are left out.
#pragma once

#include <cstdint>

#include "arch/blueprint.h"
#include "device/sizer.h"
#include "quant/dtype.h"

namespace gantry::bench {

struct StepWork {
  double bytes = 0;       // of weights, keys, values and states
  double operations = 0;  // multiplications and additions
};

// Rows side by side: `sequences` of them with `rows` each, whose first stands behind `depth` others.
struct StepShape {
  uint32_t sequences = 1, rows = 1, depth = 0;
  uint32_t logit_rows = 1;
};

class Workload {
 public:
  Workload(const arch::Blueprint& blueprint, const device::Sizer& sizer, quant::Dtype kv_dtype);

  StepWork of(const StepShape& shape) const;
  // Whether most weights are multiplied as integers.
  bool integer_weights() const { return integer_bytes_ * 2 > dense_bytes_ + sparse_bytes_; }

 private:
  struct Experts {
    double bytes = 0, operations = 0;  // of one expert
    double count = 0, used = 0;
  };
  struct Attention {
    double bytes = 0, operations = 0;  // of one position that is looked at
    double window = 0;                 // positions; 0: all
  };

  double dense_bytes_ = 0, dense_operations_ = 0;
  double output_operations_ = 0;  // of a row whose logits are wanted
  double sparse_bytes_ = 0, integer_bytes_ = 0;
  double state_bytes_ = 0;  // of one sequence
  std::vector<Experts> experts_;
  std::vector<Attention> attention_;
};

}  // namespace gantry::bench
