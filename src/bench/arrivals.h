// When the requests of an open loop come: a Poisson process, whose gaps are exponential and know nothing of
// the server (no arrival waits for an answer).
#pragma once

#include <cmath>
#include <cstdint>

#include "base/rng.h"

namespace gantry::bench {

// Seconds between arrival `index` and the one before, in a process of `rate` arrivals a second.
inline double arrival_gap(uint64_t seed, uint64_t index, double rate) {
  constexpr uint32_t kStream = 0x61727276;  // other draws of the seed have other streams
  return -std::log1p(-uniform_at(seed, index, kStream)) / rate;
}

}  // namespace gantry::bench
