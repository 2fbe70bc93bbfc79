// What a device must be able to do for a model: asked before anything is counted or loaded, so that a machine
// that cannot is told so by name. Pure.
#pragma once

#include <string>
#include <vector>

#include "arch/blueprint.h"
#include "device/sizer.h"

namespace gantry::plan {

struct Need {
  device::Operation operation = device::Operation::kEmbed;
  quant::Dtype dtype = quant::Dtype::kF32;  // as Sizer::can() takes it
  std::string what;                         // the first that needs it: "layer 3", "embedding"
};

// Every operation and type that the forward pass calls, each once.
std::vector<Need> list_needs(const arch::Blueprint& blueprint, quant::Dtype kv_dtype);

// Error kUnsupported naming the first that `device_id` cannot, and why.
void check_needs(const std::vector<Need>& needs, const device::Sizer& sizer, const std::string& device_id);

}  // namespace gantry::plan
