// Positions and the pages of sequence memory that they occupy.
#pragma once

#include <cstdint>

#include "base/ids.h"

namespace gantry {

constexpr uint32_t pages_for(uint32_t positions) {
  return positions / kPageTokens + (positions % kPageTokens != 0 ? 1 : 0);
}

}  // namespace gantry
