// The instruction sets: their names, which of them this processor has, and their kernels.
#pragma once

#include <string>

#include "backends/cpu/kernels/kernels.h"

namespace gantry::cpu {

struct Isa {
  const char* name;
  const KernelTable* kernels;
};

// By name, or the best there is for an empty one. Error kUnsupported names what there is.
Isa choose_isa(const std::string& name);
// "scalar, avx2"
std::string isas_here();

}  // namespace gantry::cpu
