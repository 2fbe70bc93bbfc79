// A counter-based generator: the random number of a position is a pure function of (seed, position) (contract
// E4). Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011
// (Philox4x32-10).
#pragma once

#include <array>
#include <cstdint>

namespace gantry {

// Philox4x32 with ten rounds: 128 random bits of counter and key.
std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

// Uniform in [0, 1) with 53 random bits. `stream` separates several draws at one position.
double uniform_at(uint64_t seed, uint64_t position, uint32_t stream = 0);

}  // namespace gantry
