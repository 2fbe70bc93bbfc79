// What choosing a token needs in main memory: the plan counts it (contract M1), sample/ takes it.
#pragma once

#include <cstdint>

namespace gantry {

inline constexpr uint32_t kSamplerTokenBytes = 36;  // for each token of the vocabulary

}  // namespace gantry
