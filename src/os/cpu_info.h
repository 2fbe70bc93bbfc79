// What the processor can do and how much of it this process may use. Pure questions to the machine; any
// thread.
#pragma once

#include <cstdint>
#include <string>

namespace gantry::os {

// Instruction sets that both the processor has and the operating system saves on a context switch.
struct CpuFeatures {
  bool avx2 = false;         // with FMA and F16C
  bool avx512 = false;       // F, BW, VL and DQ
  bool avx512_vnni = false;  // with all of the above
};

struct CpuInfo {
  std::string model;  // "AMD EPYC 9654", or "x86-64 CPU" when it does not say
  CpuFeatures features;
  uint32_t cores_online = 1;
  // What this process may use: its affinity mask, and the whole cores of its control group's quota; at
  // least 1.
  uint32_t cores_usable = 1;
};

CpuInfo cpu_info();

// The cores a quota of `quota` microseconds in `period` grants, at least 1; 0 when the text ("max 100000",
// "150000 100000") sets no limit or is not one. The format is that of cpu.max of control groups v2.
uint32_t cores_of_quota(const std::string& cpu_max);

}  // namespace gantry::os
