// What choosing a token needs in main memory: the plan counts it (contract M1), sample/ takes it.
#pragma once

#include <cstdint>

namespace gantry {

inline constexpr uint32_t kSamplerTokenBytes = 36;  // for each token of the vocabulary and each thread

// Threads that pick tokens of one step at once: as many as the device has units that compute, at most so
// many. Beyond that a pick costs more to hand out than to make.
inline constexpr uint32_t kPickThreadsMax = 8;

}  // namespace gantry
