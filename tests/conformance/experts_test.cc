// Mixtures of experts: routing by every rule, stacks of matrices against linear layers, combining; and heads
// that each have a matrix of their own.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <tuple>

#include <gtest/gtest.h>

#include "tests/conformance/rig.h"

namespace gantry::conformance {
namespace {

using device::Assignment;
using device::Mat;
using device::Routing;
using device::WeightShape;
using device::WeightStack;
using quant::Dtype;
using Score = Routing::Score;

// ---- routing

std::vector<Routing> rules() {
  return {
      {8, 2, Score::kSoftmax, 1, 1, false, 1},          {8, 2, Score::kSoftmax, 1, 1, true, 1},
      {60, 4, Score::kSoftmax, 1, 1, false, 2.5f},      {128, 8, Score::kSoftmax, 1, 1, true, 1},
      {8, 8, Score::kSigmoid, 1, 1, true, 1},           {33, 3, Score::kSigmoid, 1, 1, false, 0.5f},
      {32, 4, Score::kSoftmaxOfChosen, 1, 1, false, 1}, {1, 1, Score::kSigmoid, 1, 1, false, 1},
      {64, 6, Score::kSigmoid, 8, 4, true, 2.5f},       {12, 3, Score::kSoftmax, 4, 1, false, 16},
      {6, 2, Score::kSigmoid, 6, 3, true, 1},           {256, 8, Score::kSigmoid, 8, 4, true, 2.5f},
  };
}

Assignment space_for(Rig& rig, const Routing& rule, uint32_t rows) {
  const uint64_t pairs = uint64_t{rows} * rule.used * 4;
  return {
      rule.experts,     rule.used,       rows, rig.space((uint64_t{rule.experts} + 1) * 4), rig.space(pairs),
      rig.space(pairs), rig.space(pairs)};
}

std::vector<int32_t> ints(Rig& rig, const device::Buffer& buffer) {
  std::vector<int32_t> out(buffer.bytes / 4);
  rig.stream().read(std::as_writable_bytes(std::span(out)), buffer);
  rig.stream().sync();
  return out;
}
std::vector<float> floats(Rig& rig, const device::Buffer& buffer) {
  std::vector<float> out(buffer.bytes / 4);
  rig.stream().read(std::as_writable_bytes(std::span(out)), buffer);
  rig.stream().sync();
  return out;
}

struct Routed {
  std::vector<int32_t> starts, source, place;
  std::vector<float> weights;
  // The expert of a pair.
  int32_t expert(uint64_t pair) const {
    const auto at = std::upper_bound(starts.begin(), starts.end(), place[pair]);
    return static_cast<int32_t>(at - starts.begin()) - 1;
  }
};

Routed route(Rig& rig, const Routing& rule, const std::vector<float>& scores,
             const std::vector<float>& bias = {}) {
  const auto rows = static_cast<uint32_t>(scores.size() / rule.experts);
  const Assignment who = space_for(rig, rule, rows);
  rig.stream().route({rule, rig.put_mat(scores, rows, rule.experts, rule.experts + 3),
                      bias.empty() ? device::Buffer{} : rig.put(bias), who});
  return {ints(rig, who.starts), ints(rig, who.source), ints(rig, who.place), floats(rig, who.weights)};
}

// The rule in plain arithmetic: chosen experts, best first, and their weights.
struct Choice {
  std::vector<uint32_t> experts;
  std::vector<double> weights;
};

std::vector<uint32_t> best_of(const std::vector<double>& ranks, uint32_t count) {
  std::vector<uint32_t> order(ranks.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return ranks[a] > ranks[b]; });
  order.resize(count);
  return order;
}

void soften(std::vector<double>& x) {
  const double most = *std::max_element(x.begin(), x.end());
  double sum = 0;
  for (double& v : x) sum += v = std::exp(v - most);
  for (double& v : x) v /= sum;
}

Choice choose(const Routing& rule, const float* scores, const float* bias) {
  std::vector<double> values(scores, scores + rule.experts);
  if (rule.score == Score::kSoftmax) soften(values);
  if (rule.score == Score::kSigmoid)
    for (double& v : values) v = 1 / (1 + std::exp(-v));
  std::vector<double> ranks = values;
  if (bias != nullptr)
    for (uint32_t i = 0; i < rule.experts; ++i) ranks[i] += double{bias[i]};
  if (rule.groups > 1) {
    const uint32_t size = rule.experts / rule.groups;
    std::vector<double> sums;
    for (uint32_t g = 0; g < rule.groups; ++g) {
      std::vector<double> in(ranks.begin() + g * size, ranks.begin() + (g + 1) * size);
      std::sort(in.rbegin(), in.rend());
      sums.push_back(in[0] + (size > 1 ? in[1] : 0));
    }
    const auto kept = best_of(sums, rule.groups_used);
    for (uint32_t i = 0; i < rule.experts; ++i)
      if (std::find(kept.begin(), kept.end(), i / size) == kept.end()) ranks[i] = -INFINITY;
  }
  Choice out{best_of(ranks, rule.used), {}};
  for (const uint32_t expert : out.experts) out.weights.push_back(values[expert]);
  if (rule.score == Score::kSoftmaxOfChosen) soften(out.weights);
  const double sum = std::accumulate(out.weights.begin(), out.weights.end(), 0.0);
  for (double& w : out.weights) w *= double{rule.scale} / (rule.normalise ? std::max(sum, 0x1p-14) : 1);
  return out;
}

TEST(RouteFormula, EveryRule) {
  for (const Routing& rule : rules()) {
    for (const bool biased : {false, true}) {
      constexpr uint32_t kRows = 37;
      const std::vector<float> scores = random_floats(rule.experts, uint64_t{kRows} * rule.experts, 2);
      const std::vector<float> bias =
          biased ? random_floats(rule.used + 77, rule.experts, 0.2f) : std::vector<float>{};
      Rig rig(open_scalar());
      const Routed got = route(rig, rule, scores, bias);
      for (uint32_t row = 0; row < kRows; ++row) {
        const Choice want =
            choose(rule, &scores[uint64_t{row} * rule.experts], biased ? bias.data() : nullptr);
        for (uint32_t s = 0; s < rule.used; ++s) {
          const uint64_t pair = uint64_t{row} * rule.used + s;
          EXPECT_EQ(static_cast<uint32_t>(got.expert(pair)), want.experts[s])
              << rule.experts << " experts, row " << row << " slot " << s;
          EXPECT_NEAR(got.weights[pair], want.weights[s], 1e-5 * (1 + want.weights[s]));
        }
      }
    }
  }
}

// Places are a permutation: by expert, within an expert by row.
TEST(RouteFormula, PlacesAreSorted) {
  for (const Routing& rule : rules()) {
    constexpr uint32_t kRows = 21;
    Rig rig(open_scalar());
    const Routed got = route(rig, rule, random_floats(5, uint64_t{kRows} * rule.experts));
    std::vector<bool> taken(uint64_t{kRows} * rule.used);
    EXPECT_EQ(got.starts.front(), 0);
    EXPECT_EQ(got.starts.back(), static_cast<int32_t>(taken.size()));
    EXPECT_TRUE(std::is_sorted(got.starts.begin(), got.starts.end()));
    for (uint64_t pair = 0; pair < taken.size(); ++pair) {
      const auto place = static_cast<size_t>(got.place[pair]);
      EXPECT_FALSE(taken[place]);
      taken[place] = true;
      EXPECT_EQ(got.source[place], static_cast<int32_t>(pair / rule.used));
    }
    for (uint32_t expert = 0; expert < rule.experts; ++expert)
      EXPECT_TRUE(std::is_sorted(got.source.begin() + got.starts[expert],
                                 got.source.begin() + got.starts[expert + 1]));
  }
}

TEST(RouteFormula, OfEqualsTheLowerNumberAndNothingCrashesOnNan) {
  Rig rig(open_scalar());
  const Routing rule{6, 3, Score::kSoftmax, 1, 1, true, 1};
  const Routed equal = route(rig, rule, {1, 2, 2, 1, 2, 2});
  EXPECT_EQ((std::vector{equal.expert(0), equal.expert(1), equal.expert(2)}), (std::vector{1, 2, 4}));
  for (const Routing& each : rules()) {
    const std::vector<float> nans(each.experts, std::nanf(""));
    const Routed got = route(rig, each, nans);
    std::vector<int32_t> chosen;
    for (uint32_t s = 0; s < each.used; ++s) chosen.push_back(got.expert(s));
    std::sort(chosen.begin(), chosen.end());
    EXPECT_EQ(std::unique(chosen.begin(), chosen.end()), chosen.end());
  }
}

// ---- stacks

struct Stack {
  WeightShape shape;
  uint32_t count = 0;
  std::vector<std::vector<std::byte>> matrices;
};

Stack make_stack(Dtype dtype, uint32_t count, uint32_t rows, uint32_t cols) {
  Stack out{{dtype, rows, cols}, count, {}};
  for (uint32_t i = 0; i < count; ++i) out.matrices.push_back(random_weight(900 + i, out.shape));
  return out;
}

WeightStack put(Rig& rig, const Stack& stack) {
  const uint64_t stride = device::stack_stride(rig.device().sizer(), stack.shape);
  const WeightStack out{rig.space(stride * stack.count), stack.shape, stack.count, stride};
  for (uint32_t i = 0; i < stack.count; ++i) rig.stream().upload_weight(out.matrix(i), 0, stack.matrices[i]);
  rig.stream().sync();
  return out;
}

// What linear() makes of one row with one matrix.
std::vector<float> one_linear(Rig& rig, const device::Weight& weight, const std::vector<float>& x,
                              const std::vector<float>& bias) {
  device::LinearOutput out;
  out.weight = weight;
  if (!bias.empty()) out.bias = rig.put(bias);
  out.out = rig.space_mat(1, weight.shape.rows);
  rig.stream().linear({rig.put_mat(x, 1, weight.shape.cols),
                       rig.space(rig.device().sizer().linear_scratch_bytes({{weight.shape}}, 1)),
                       {out}});
  return rig.get(out.out);
}

std::vector<float> part(const std::vector<float>& of, uint64_t first, uint64_t count) {
  return {of.begin() + static_cast<std::ptrdiff_t>(first),
          of.begin() + static_cast<std::ptrdiff_t>(first + count)};
}

uint32_t cols_for(Dtype dtype) {
  return is_float(dtype) ? 70u : std::max(96u, quant::facts(dtype).block_values * 2);
}

class Stacks : public ::testing::TestWithParam<std::tuple<Subject, Dtype>> {
 protected:
  void SetUp() override {
    using enum device::Operation;
    const std::string why = refusal(subject(), {kExpertLinear, kHeadLinear, kLinear}, dtype());
    if (!why.empty()) GTEST_SKIP() << why;
  }
  const Subject& subject() const { return std::get<0>(GetParam()); }
  Dtype dtype() const { return std::get<1>(GetParam()); }
};

// Every pair equals the linear layer of its expert alone, whatever went there beside it; skewed scores give
// experts with no row, with one, and with many.
TEST_P(Stacks, AnExpertIsALinearLayer) {
  constexpr uint32_t kExperts = 7, kRows = 45, kUsed = 2, kOutputs = 37;
  const uint32_t cols = cols_for(dtype());
  const Stack stack = make_stack(dtype(), kExperts, kOutputs, cols);
  Rig rig(open(subject()), uint64_t{32} << 20);
  const WeightStack weight = put(rig, stack);
  std::vector<float> scores = random_floats(3, uint64_t{kRows} * kExperts);
  for (uint32_t row = 0; row < kRows; ++row) {
    scores[row * kExperts + 2] += 3;
    scores[row * kExperts + 5] -= row == 7 ? -99.0f : 99.0f;  // one row only
    scores[row * kExperts + 6] -= 99;                         // none
  }
  const Routing rule{kExperts, kUsed, Score::kSoftmax, 1, 1, true, 1};
  const Assignment who = space_for(rig, rule, kRows);
  rig.stream().route({rule, rig.put_mat(scores, kRows, kExperts), {}, who});
  const std::vector<int32_t> starts = ints(rig, who.starts), source = ints(rig, who.source);
  const std::vector<float> x = random_floats(8, uint64_t{kRows} * cols);
  const std::vector<float> bias = random_floats(9, uint64_t{kExperts} * kOutputs);
  for (const bool by_place : {false, true}) {
    std::vector<float> given = x;
    if (by_place) {
      given.clear();
      for (const int32_t row : source) {
        const auto values = part(x, static_cast<uint64_t>(row) * cols, cols);
        given.insert(given.end(), values.begin(), values.end());
      }
    }
    const auto rows = static_cast<uint32_t>(given.size() / cols);
    const Mat out = rig.space_mat(kRows * kUsed, kOutputs, kOutputs + 5);
    const uint64_t bytes = rig.device().sizer().stack_scratch_bytes(stack.shape, kExperts, kRows * kUsed);
    rig.stream().expert_linear({weight, who, rig.put_mat(given, rows, cols, cols + 3), by_place,
                                by_place ? device::Buffer{} : rig.put(bias), out, rig.space(bytes)});
    const std::vector<float> got = rig.get(out);
    for (uint32_t expert = 0; expert < kExperts; ++expert) {
      const auto its_bias =
          by_place ? std::vector<float>{} : part(bias, uint64_t{expert} * kOutputs, kOutputs);
      for (auto place = static_cast<uint64_t>(starts[expert]);
           place < static_cast<uint64_t>(starts[expert + 1]); ++place) {
        const auto want = one_linear(rig, weight.matrix(expert),
                                     part(x, static_cast<uint64_t>(source[place]) * cols, cols), its_bias);
        EXPECT_EQ(difference(part(got, place * kOutputs, kOutputs), want), "")
            << "expert " << expert << " place " << place;
      }
    }
  }
}

TEST_P(Stacks, AHeadIsALinearLayer) {
  constexpr uint32_t kHeads = 3, kOutputs = 21;
  const uint32_t cols = cols_for(dtype()), x_step = cols + 6, out_step = kOutputs + 4;
  const Stack stack = make_stack(dtype(), kHeads, kOutputs, cols);
  for (const uint32_t rows : {1u, 2u, 19u}) {
    Rig rig(open(subject()), uint64_t{16} << 20);
    const WeightStack weight = put(rig, stack);
    const std::vector<float> x = random_floats(rows, uint64_t{rows} * kHeads * x_step);
    const Mat out = rig.space_mat(rows, kHeads * out_step);
    const uint64_t bytes = rig.device().sizer().stack_scratch_bytes(stack.shape, kHeads, rows * kHeads);
    rig.stream().head_linear(
        {weight, rig.put_mat(x, rows, kHeads * x_step), x_step, out, out_step, rig.space(bytes)});
    const std::vector<float> got = rig.get(out);
    for (uint32_t row = 0; row < rows; ++row) {
      for (uint32_t head = 0; head < kHeads; ++head) {
        const auto want =
            one_linear(rig, weight.matrix(head), part(x, (uint64_t{row} * kHeads + head) * x_step, cols), {});
        EXPECT_EQ(difference(part(got, (uint64_t{row} * kHeads + head) * out_step, kOutputs), want), "");
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Devices, Stacks, ::testing::Combine(::testing::ValuesIn(subjects()), ::testing::ValuesIn(weight_types())),
    [](const auto& tested) {
      return name_of(std::get<0>(tested.param)) + "_" + quant::facts(std::get<1>(tested.param)).name;
    });

// ---- everything together, on every device

class Experts : public ::testing::TestWithParam<Subject> {};

TEST_P(Experts, RoutingEqualsScalar) {
  for (const Routing& rule : rules()) {
    const std::vector<float> scores = random_floats(rule.used, uint64_t{200} * rule.experts, 3);
    const std::vector<float> bias = random_floats(4, rule.experts, 0.3f);
    Rig truth(open_scalar()), rig(open(GetParam()));
    const Routed want = route(truth, rule, scores, bias), got = route(rig, rule, scores, bias);
    EXPECT_EQ(got.starts, want.starts);
    EXPECT_EQ(got.source, want.source);
    EXPECT_EQ(got.place, want.place);
    EXPECT_EQ(difference(got.weights, want.weights), "");
  }
}

TEST_P(Experts, CombiningSumsTheSlotsInOrder) {
  for (const uint32_t cols : {1u, 16u, 45u}) {
    constexpr uint32_t kRows = 9;
    const Routing rule{5, 3, Score::kSigmoid, 1, 1, false, 1};
    Rig rig(open(GetParam()));
    const Assignment who = space_for(rig, rule, kRows);
    rig.stream().route(
        {rule, rig.put_mat(random_floats(1, kRows * rule.experts), kRows, rule.experts), {}, who});
    const std::vector<int32_t> place = ints(rig, who.place);
    const std::vector<float> weights = floats(rig, who.weights);
    const std::vector<float> y = random_floats(2, uint64_t{kRows} * rule.used * cols);
    const std::vector<float> before = random_floats(3, uint64_t{kRows} * cols);
    for (const bool accumulate : {false, true}) {
      const Mat out = rig.put_mat(before, kRows, cols, cols + 2);
      rig.stream().combine({who, rig.put_mat(y, kRows * rule.used, cols), accumulate, out});
      std::vector<float> want;
      for (uint32_t row = 0; row < kRows; ++row) {
        for (uint32_t i = 0; i < cols; ++i) {
          const auto term = [&](uint32_t s) {
            return y[static_cast<uint64_t>(place[row * rule.used + s]) * cols + i];
          };
          float sum = weights[row * rule.used] * term(0);
          for (uint32_t s = 1; s < rule.used; ++s) sum = std::fma(term(s), weights[row * rule.used + s], sum);
          want.push_back(accumulate ? before[row * cols + i] + sum : sum);
        }
      }
      EXPECT_EQ(difference(rig.get(out), want), "");
    }
  }
}

TEST_P(Experts, CopiesBetweenStrides) {
  Rig rig(open(GetParam()));
  const std::vector<float> values = random_floats(6, 11 * 5);
  const Mat from = rig.put_mat(values, 11, 5, 9), to = rig.space_mat(11, 5, 7);
  rig.stream().copy_mat({from, to});
  EXPECT_EQ(difference(rig.get(to), values), "");
}

INSTANTIATE_TEST_SUITE_P(Devices, Experts, ::testing::ValuesIn(subjects()),
                         [](const auto& tested) { return name_of(tested.param); });

}  // namespace
}  // namespace gantry::conformance
