// Exponentials of many logits at once, for the normaliser and the mass of candidates. Double precision, add
// and multiply only, in one fixed order of lanes, so that the result is the same on every CPU and compiler
// (contract E2). Relative error of a weight below 1e-12. No state; any thread.
//
// The weight of a logit x is exp((x - max) * scale): 1 for the largest, 0 once below e^-700.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace gantry::sample {

// Logits are looked at in blocks, so that a pass can skip what cannot matter.
inline constexpr size_t kBlock = 64;

inline constexpr float kInf = std::numeric_limits<float>::infinity();

constexpr size_t blocks_of(size_t count) { return (count + kBlock - 1) / kBlock; }

// Makes every logit comparable, in place: NaN becomes -inf, +inf the largest finite value, -0 becomes +0.
// Fills block_max [blocks_of(logits)] and returns the largest of all.
float scan(std::span<float> logits, std::span<float> block_max);

// block_sums [blocks_of(logits)] of weights; returns their sum.
double sum_weights(std::span<const float> logits, float max, double scale, std::span<double> block_sums);

// weights[i] of logits[i], bit for bit those that sum_weights adds.
void weigh(std::span<const float> logits, float max, double scale, std::span<double> weights);

// For tests: the CPU's widest vectors (as at start) or the baseline's. False: the baseline is in use. Call it
// while nothing else runs.
bool use_widest_vectors(bool widest);

}  // namespace gantry::sample
