#include "sample/softmax.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>

namespace gantry::sample {
namespace {

constexpr size_t kLanes = 2;  // what the baseline CPU has; the results do not depend on it
using Doubles = double __attribute__((vector_size(kLanes * sizeof(double))));
using Ints = int64_t __attribute__((vector_size(kLanes * sizeof(double))));
constexpr size_t kSums = 8;  // partial sums of a block: element i goes to sum i % kSums

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr double kLowest = -700;  // e^-700 is still a normal number

// exp(y) for y <= 0, 0 below kLowest. Reduced to |r| <= ln 2 / 2, then Taylor to the tenth degree by Horner.
Doubles exp_lanes(Doubles y) {
  constexpr double kLog2E = 0x1.71547652b82fep+0, kRound = 0x1.8p52;
  constexpr double kLn2High = 0x1.62e42fefa3800p-1, kLn2Low = 0x1.ef35793c76730p-45;
  const Ints live = y >= kLowest;
  y = reinterpret_cast<Doubles>(reinterpret_cast<Ints>(y) & live);
  const Doubles shifted = y * kLog2E + kRound;  // the low bits of the fraction now hold the rounded quotient
  const Doubles n = shifted - kRound;
  const Doubles r = (y - n * kLn2High) - n * kLn2Low;
  Doubles p = r * (1.0 / 3628800) + 1.0 / 362880;
  p = p * r + 1.0 / 40320;
  p = p * r + 1.0 / 5040;
  p = p * r + 1.0 / 720;
  p = p * r + 1.0 / 120;
  p = p * r + 1.0 / 24;
  p = p * r + 1.0 / 6;
  p = p * r + 0.5;
  p = p * r + 1.0;
  p = p * r + 1.0;
  const Ints bits = reinterpret_cast<Ints>(p) + (reinterpret_cast<Ints>(shifted) << 52);
  return reinterpret_cast<Doubles>(bits & live);
}

// Weights of kBlock logits.
void weigh_block(const float* logits, double max, double scale, double* weights) {
  for (size_t i = 0; i < kBlock; i += kLanes) {
    const Doubles x = {double{logits[i]}, double{logits[i + 1]}};
    const Doubles w = exp_lanes((x - max) * scale);
    std::memcpy(weights + i, &w, sizeof w);
  }
}

void weigh_tail(std::span<const float> logits, double max, double scale, double* weights) {
  std::array<float, kBlock> padded;
  padded.fill(-kInf);
  std::copy(logits.begin(), logits.end(), padded.begin());
  weigh_block(padded.data(), max, scale, weights);
}

double sum_block(const double* weights) {
  std::array<double, kSums> sums;
  std::memcpy(sums.data(), weights, sizeof sums);
  for (size_t i = kSums; i < kBlock; i += kSums)
    for (size_t k = 0; k < kSums; ++k) sums[k] += weights[i + k];
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

float scan_block(std::span<float> logits) {
  float best = -kInf;
  for (float& logit : logits) {
    float x = logit;
    x = x == x ? x : -kInf;
    x = std::min(x, std::numeric_limits<float>::max()) + 0.0f;
    logit = x;
    best = std::max(best, x);
  }
  return best;
}

}  // namespace

float scan(std::span<float> logits, std::span<float> block_max) {
  float best = -kInf;
  for (size_t b = 0; b * kBlock < logits.size(); ++b) {
    const size_t first = b * kBlock;
    block_max[b] = scan_block(logits.subspan(first, std::min(kBlock, logits.size() - first)));
    best = std::max(best, block_max[b]);
  }
  return best;
}

double sum_weights(std::span<const float> logits, float max, double scale, std::span<double> block_sums) {
  std::array<double, kBlock> weights;
  double total = 0;
  for (size_t b = 0; b * kBlock < logits.size(); ++b) {
    const auto rest = logits.subspan(b * kBlock);
    if (rest.size() >= kBlock)
      weigh_block(rest.data(), double{max}, scale, weights.data());
    else
      weigh_tail(rest, double{max}, scale, weights.data());
    block_sums[b] = sum_block(weights.data());
    total += block_sums[b];
  }
  return total;
}

void weigh(std::span<const float> logits, float max, double scale, std::span<double> weights) {
  size_t i = 0;
  for (; i + kBlock <= logits.size(); i += kBlock) weigh_block(&logits[i], double{max}, scale, &weights[i]);
  if (i == logits.size()) return;
  std::array<double, kBlock> tail;
  weigh_tail(logits.subspan(i), double{max}, scale, tail.data());
  std::copy_n(tail.begin(), logits.size() - i, weights.begin() + static_cast<std::ptrdiff_t>(i));
}

}  // namespace gantry::sample
