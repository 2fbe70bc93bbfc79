#include "sample/softmax.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

namespace gantry::sample {
namespace {

constexpr size_t kSums = 8;  // partial sums of a block
constexpr float kLargest = std::numeric_limits<float>::max();
constexpr double kLowest = -700;  // e^-700 is still a normal number
constexpr double kLog2E = 0x1.71547652b82fep+0;
constexpr double kRound = 0x1.8p52;  // added and taken away again, leaves the nearest integer
constexpr double kLn2High = 0x1.62e42fefa3800p-1, kLn2Low = 0x1.ef35793c76730p-45;

namespace baseline {
#define GANTRY_LANES 2
#define GANTRY_LANES_ISA
#include "sample/softmax_lanes.inc"
#undef GANTRY_LANES
#undef GANTRY_LANES_ISA
}  // namespace baseline

#if defined(__x86_64__)
namespace avx2 {
#define GANTRY_LANES 4
#define GANTRY_LANES_ISA __attribute__((target("avx2")))
#include "sample/softmax_lanes.inc"
#undef GANTRY_LANES
#undef GANTRY_LANES_ISA
}  // namespace avx2
#endif

struct Loops {
  void (*weigh_block)(const float* logits, double max, double scale, double* weights);
  double (*sum_block)(const float* logits, double max, double scale);
  float (*scan_block)(float* logits);
};

constexpr Loops kBaseline = {baseline::weigh_block, baseline::sum_block, baseline::scan_block};
#if defined(__x86_64__)
constexpr Loops kAvx2 = {avx2::weigh_block, avx2::sum_block, avx2::scan_block};
#endif

const Loops& best_loops() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) return kAvx2;
#endif
  return kBaseline;
}

const Loops* loops = &best_loops();

// The last, shorter block, filled up with what weighs nothing.
std::array<float, kBlock> padded(std::span<const float> logits) {
  std::array<float, kBlock> block;
  block.fill(-kInf);
  std::copy(logits.begin(), logits.end(), block.begin());
  return block;
}

}  // namespace

bool use_widest_vectors(bool widest) {
  loops = widest ? &best_loops() : &kBaseline;
  return loops != &kBaseline;
}

float scan(std::span<float> logits, std::span<float> block_max) {
  float best = -kInf;
  for (size_t b = 0; b * kBlock < logits.size(); ++b) {
    const auto rest = logits.subspan(b * kBlock);
    if (rest.size() >= kBlock) {
      block_max[b] = loops->scan_block(rest.data());
    } else {
      auto tail = padded(rest);
      block_max[b] = loops->scan_block(tail.data());
      std::copy_n(tail.begin(), rest.size(), rest.begin());
    }
    best = std::max(best, block_max[b]);
  }
  return best;
}

double sum_weights(std::span<const float> logits, float max, double scale, std::span<double> block_sums) {
  double total = 0;
  for (size_t b = 0; b * kBlock < logits.size(); ++b) {
    const auto rest = logits.subspan(b * kBlock);
    block_sums[b] = rest.size() >= kBlock ? loops->sum_block(rest.data(), double{max}, scale)
                                          : loops->sum_block(padded(rest).data(), double{max}, scale);
    total += block_sums[b];
  }
  return total;
}

void weigh(std::span<const float> logits, float max, double scale, std::span<double> weights) {
  size_t i = 0;
  for (; i + kBlock <= logits.size(); i += kBlock)
    loops->weigh_block(&logits[i], double{max}, scale, &weights[i]);
  if (i == logits.size()) return;
  std::array<double, kBlock> tail;
  loops->weigh_block(padded(logits.subspan(i)).data(), double{max}, scale, tail.data());
  std::copy_n(tail.begin(), logits.size() - i, weights.begin() + static_cast<std::ptrdiff_t>(i));
}

}  // namespace gantry::sample
