// The instruction sets: their names, which of them this processor has, and their kernels.
#pragma once

#include <string>

#include "backends/cpu/kernels/kernels.h"

namespace gantry::cpu {

struct Isa {
  const char* name;
  const KernelTable* kernels;
  const char* left_out;  // a faster set of this processor, whose kernels this build does not have; or null
};

// By name, or the best that this build has for an empty one. Error kUnsupported names what there is.
Isa choose_isa(const std::string& name);
// That can be chosen: "scalar, avx2"
std::string isas_here();

}  // namespace gantry::cpu
