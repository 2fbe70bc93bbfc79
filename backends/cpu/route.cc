#include "backends/cpu/route.h"

#include <algorithm>
#include <limits>

#include "base/check.h"

namespace gantry::cpu {
namespace {

constexpr float kNone = -std::numeric_limits<float>::infinity();

// The greatest of the ranks that are not taken yet; of equals, and of what cannot be compared, the first.
template <typename Taken>
uint32_t best(const float* ranks, uint32_t count, const Taken& taken) {
  uint32_t found = count;
  for (uint32_t i = 0; i < count; ++i) {
    if (!taken(i) && (found == count || ranks[i] > ranks[found])) found = i;
  }
  return found;
}

// A set of numbers below kExpertsMax.
class Marks {
 public:
  void add(uint32_t i) { words_[i / 64] |= uint64_t{1} << (i % 64); }
  bool has(uint32_t i) const { return ((words_[i / 64] >> (i % 64)) & 1) != 0; }

 private:
  uint64_t words_[device::kExpertsMax / 64] = {};
};

// Experts of groups that are not among the best are out.
void leave_out_groups(const device::Routing& rule, float* ranks) {
  const uint32_t size = rule.experts / rule.groups;
  float sums[device::kExpertsMax];
  for (uint32_t group = 0; group < rule.groups; ++group) {
    const float* of = ranks + group * size;
    const uint32_t first = best(of, size, [](uint32_t) { return false; });
    const uint32_t second = best(of, size, [&](uint32_t i) { return i == first; });
    sums[group] = second < size ? of[first] + of[second] : of[first];
  }
  Marks kept;
  for (uint32_t i = 0; i < rule.groups_used; ++i)
    kept.add(best(sums, rule.groups, [&](uint32_t group) { return kept.has(group); }));
  for (uint32_t group = 0; group < rule.groups; ++group) {
    if (!kept.has(group)) std::fill_n(ranks + group * size, size, kNone);
  }
}

void weigh(const device::Routing& rule, const KernelTable& kernels, float* weights) {
  if (rule.score == device::Routing::Score::kSoftmaxOfChosen) kernels.softmax(weights, rule.used, weights);
  if (rule.normalise) {
    constexpr float kLeast = 0x1p-14f;
    float sum = 0;
    for (uint32_t s = 0; s < rule.used; ++s) sum += weights[s];
    sum = sum < kLeast ? kLeast : sum;
    for (uint32_t s = 0; s < rule.used; ++s) weights[s] /= sum;
  }
  if (rule.scale != 1) {
    for (uint32_t s = 0; s < rule.used; ++s) weights[s] *= rule.scale;
  }
}

}  // namespace

void route_row(const device::Routing& rule, const KernelTable& kernels, float* scores, const float* bias,
               int32_t* chosen, float* weights) {
  switch (rule.score) {
    case device::Routing::Score::kSoftmax:
      kernels.softmax(scores, rule.experts, scores);
      break;
    case device::Routing::Score::kSigmoid:
      kernels.sigmoid(scores, rule.experts, scores);
      break;
    case device::Routing::Score::kSoftmaxOfChosen:
      break;
  }
  float ranks[device::kExpertsMax];
  for (uint32_t i = 0; i < rule.experts; ++i) ranks[i] = bias != nullptr ? scores[i] + bias[i] : scores[i];
  if (rule.groups > 1) leave_out_groups(rule, ranks);
  Marks taken;
  for (uint32_t s = 0; s < rule.used; ++s) {
    const uint32_t expert = best(ranks, rule.experts, [&](uint32_t i) { return taken.has(i); });
    GANTRY_CHECK_LT(expert, rule.experts);
    taken.add(expert);
    chosen[s] = static_cast<int32_t>(expert);
    weights[s] = scores[expert];
  }
  weigh(rule, kernels, weights);
}

void assign(uint32_t experts, uint32_t used, uint32_t rows, const int32_t* chosen, int32_t* starts,
            int32_t* source, int32_t* place) {
  std::fill_n(starts, experts + 1, 0);
  const uint32_t pairs = rows * used;
  for (uint32_t pair = 0; pair < pairs; ++pair) ++starts[chosen[pair] + 1];
  for (uint32_t expert = 0; expert < experts; ++expert) starts[expert + 1] += starts[expert];
  // starts[e] is the next free place of e, and in the end where e + 1 begins.
  for (uint32_t pair = 0; pair < pairs; ++pair) {
    const int32_t at = starts[chosen[pair]]++;
    source[at] = static_cast<int32_t>(pair / used);
    place[pair] = at;
  }
  for (uint32_t expert = experts; expert > 0; --expert) starts[expert] = starts[expert - 1];
  starts[0] = 0;
}

}  // namespace gantry::cpu
