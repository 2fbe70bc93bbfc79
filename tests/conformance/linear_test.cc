// Linear layers: every weight type and shape class, against plain double arithmetic and against the scalar
// device.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <tuple>

#include <gtest/gtest.h>

#include "tests/conformance/rig.h"

namespace gantry::conformance {
namespace {

using device::Mat;
using device::WeightShape;
using quant::Dtype;

struct Shape {
  uint32_t rows, cols, tokens;
  uint32_t unit = device::kSectionUnit;
};

// Rows that fill no tile, columns over several sections of the sum (the last shape's begin inside the units
// of the CPU's layouts), every way tokens are grouped.
std::vector<Shape> shapes(Dtype dtype) {
  if (is_float(dtype))
    return {{1, 1, 1},      {5, 7, 2},     {16, 64, 4},       {33, 1025, 7},
            {70, 2051, 33}, {19, 96, 130}, {18, 1440, 9, 288}};
  const uint32_t block = quant::facts(dtype).block_values, odd = (block < 256 ? 9 : 3) * block;
  return {{1, block, 1},         {5, 3 * block, 2},      {16, 1024, 4},
          {33, 1024 + block, 7}, {70, 2048 + block, 33}, {19, block < 256 ? 5 * block : 512, 130},
          {18, 5 * odd, 9, odd}};
}

struct Case {
  WeightShape shape;
  uint32_t tokens = 0;
  std::vector<std::byte> weight;
  std::vector<float> x, bias, before;
};

Case make_case(Dtype dtype, const Shape& shape) {
  Case out;
  out.shape = {dtype, shape.rows, shape.cols, shape.unit};
  out.tokens = shape.tokens;
  const uint64_t seed = 100 * static_cast<uint64_t>(dtype) + shape.tokens;
  out.weight = random_weight(seed, out.shape);
  out.x = random_floats(seed + 7, uint64_t{shape.tokens} * shape.cols);
  // A zero block, a very small one and a very large one.
  for (uint32_t k = 0; k < std::min(shape.cols, 32u); ++k) {
    if (shape.tokens > 1) out.x[shape.cols + k] = 0;
    if (shape.tokens > 2) out.x[2 * shape.cols + k] *= 1e-33f;
    if (shape.tokens > 3) out.x[3 * shape.cols + k] *= 1e6f;
  }
  out.bias = random_floats(seed + 8, shape.rows);
  out.before = random_floats(seed + 9, uint64_t{shape.tokens} * shape.rows);
  return out;
}

struct How {
  bool bias = false, accumulate = false;
  uint32_t x_gap = 0, out_gap = 0;  // values between rows
};

// Tokens [first, first + count) of the case.
std::vector<float> run(Rig& rig, const Case& c, const How& how, uint32_t first, uint32_t count) {
  const uint32_t cols = c.shape.cols, rows = c.shape.rows;
  const auto part = [&](const std::vector<float>& all, uint32_t width) {
    return std::vector<float>(all.begin() + std::ptrdiff_t{first} * width,
                              all.begin() + std::ptrdiff_t{first + count} * width);
  };
  device::LinearOutput out;
  out.weight = rig.put_weight(c.shape, c.weight);
  const Mat x = rig.put_mat(part(c.x, cols), count, cols, cols + how.x_gap);
  if (how.bias) out.bias = rig.put(c.bias);
  out.accumulate = how.accumulate;
  out.out = rig.space_mat(count, rows, rows + how.out_gap);
  if (how.accumulate) out.out = rig.put_mat(part(c.before, rows), count, rows, rows + how.out_gap);
  const device::Buffer scratch = rig.space(rig.device().sizer().linear_scratch_bytes({{c.shape}}, count));
  rig.stream().linear({x, scratch, {out}});
  return rig.get(out.out);
}

// What the activations become: for quantized weights the nearest of 255 steps in each block of 32.
std::vector<double> activations(const Case& c) {
  std::vector<double> out(c.x.begin(), c.x.end());
  if (is_float(c.shape.dtype)) return out;
  for (size_t first = 0; first < out.size(); first += 32) {
    double amax = 0;
    for (size_t i = first; i < first + 32; ++i) amax = std::max(amax, std::abs(out[i]));
    for (size_t i = first; i < first + 32; ++i)
      out[i] =
          amax < 0x1p-100
              ? 0
              : amax / 127 * std::nearbyint(static_cast<float>(out[i]) * (127.0f / static_cast<float>(amax)));
  }
  return out;
}

class LinearOfType : public ::testing::TestWithParam<Dtype> {};

TEST_P(LinearOfType, ScalarIsWhatTheFormulaSays) {
  for (const Shape& shape : shapes(GetParam())) {
    const Case c = make_case(GetParam(), shape);
    const std::vector<double> x = activations(c);
    const std::vector<float> w = decoded(c.shape, c.weight);
    Rig rig(open_scalar());
    const std::vector<float> got = run(rig, c, {true, true, 3, 5}, 0, c.tokens);
    for (uint32_t t = 0; t < shape.tokens; ++t) {
      for (uint32_t row = 0; row < shape.rows; ++row) {
        double sum = 0, magnitude = 0;
        for (uint32_t k = 0; k < shape.cols; ++k) {
          const double product = double{w[uint64_t{row} * shape.cols + k]} * x[uint64_t{t} * shape.cols + k];
          sum += product;
          magnitude += std::abs(product);
        }
        const size_t at = uint64_t{t} * shape.rows + row;
        sum += double{c.bias[row]} + double{c.before[at]};
        // Types with minima multiply larger numbers whose difference the formula sums.
        ASSERT_NEAR(got[at], sum, 4e-6 * (magnitude * 4 + 10)) << "token " << t << " row " << row;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, LinearOfType, ::testing::ValuesIn(weight_types()),
                         [](const auto& tested) { return quant::facts(tested.param).name; });

class Linear : public ::testing::TestWithParam<std::tuple<Subject, Dtype>> {
 protected:
  void SetUp() override {
    const std::string why = refusal(subject(), {device::Operation::kLinear}, dtype());
    if (!why.empty()) GTEST_SKIP() << why;
  }
  const Subject& subject() const { return std::get<0>(GetParam()); }
  Dtype dtype() const { return std::get<1>(GetParam()); }
};

// The sum of magnitudes, for devices that have a tolerance.
std::vector<float> magnitudes(const Case& c) {
  const std::vector<float> w = decoded(c.shape, c.weight);
  std::vector<float> out(uint64_t{c.tokens} * c.shape.rows);
  for (uint32_t t = 0; t < c.tokens; ++t) {
    for (uint32_t row = 0; row < c.shape.rows; ++row) {
      float& sum = out[uint64_t{t} * c.shape.rows + row];
      for (uint32_t k = 0; k < c.shape.cols; ++k)
        sum += std::abs(w[uint64_t{row} * c.shape.cols + k] * c.x[uint64_t{t} * c.shape.cols + k]);
    }
  }
  return out;
}

TEST_P(Linear, EqualsScalar) {
  for (const Shape& shape : shapes(dtype())) {
    const Case c = make_case(dtype(), shape);
    for (const How& how : {How{}, How{true, false, 0, 0}, How{true, true, 3, 7}}) {
      Rig truth(open_scalar()), rig(open(subject()));
      const std::vector<float> want = run(truth, c, how, 0, c.tokens);
      const std::vector<float> got = run(rig, c, how, 0, c.tokens);
      EXPECT_EQ(
          difference_within(got, want, subject().error_max == 0 ? want : magnitudes(c), subject().error_max),
          "")
          << shape.rows << " x " << shape.cols << ", " << shape.tokens << " tokens";
    }
  }
}

// Contract E1: alone, in any batch, in any slice.
TEST_P(Linear, ARowDoesNotKnowItsBatch) {
  const Case c = make_case(dtype(), shapes(dtype())[4]);
  Rig whole_rig(open(subject()));
  const std::vector<float> whole = run(whole_rig, c, {}, 0, c.tokens);
  for (uint32_t count = 1; count < 20; ++count) {
    Rig rig(open(subject()));
    const uint32_t first = (count * 5) % (c.tokens - count + 1);
    const std::vector<float> got = run(rig, c, {}, first, count);
    const std::span<const float> want =
        std::span(whole).subspan(uint64_t{first} * c.shape.rows, uint64_t{count} * c.shape.rows);
    EXPECT_EQ(difference(got, want), "") << count << " tokens from " << first;
  }
}

TEST_P(Linear, WhatIsNotANumberStaysInItsRow) {
  Case c = make_case(dtype(), shapes(dtype())[3]);
  Rig clean_rig(open(subject()));
  const std::vector<float> clean = run(clean_rig, c, {}, 0, c.tokens);
  c.x[2 * c.shape.cols + 5] = std::numeric_limits<float>::quiet_NaN();
  c.x[4 * c.shape.cols + 1] = std::numeric_limits<float>::infinity();
  Rig rig(open(subject()));
  const std::vector<float> got = run(rig, c, {}, 0, c.tokens);
  for (uint32_t t = 0; t < c.tokens; ++t) {
    for (uint32_t row = 0; row < c.shape.rows; ++row) {
      const size_t at = uint64_t{t} * c.shape.rows + row;
      if (t == 2 || (t == 4 && !is_float(dtype())))
        EXPECT_TRUE(std::isnan(got[at]));
      else if (t != 4)
        EXPECT_EQ(got[at], clean[at]);
      else
        EXPECT_FALSE(std::isfinite(got[at]));
    }
  }
}

TEST_P(Linear, ManyTokensAndManyRows) {  // panels and parts of the work beyond one task
  const Case c = make_case(dtype(), {700, is_float(dtype()) ? 130u : 256u, 75});
  Rig truth(open_scalar()), rig(open(subject()));
  const std::vector<float> want = run(truth, c, {}, 0, c.tokens);
  EXPECT_EQ(difference_within(run(rig, c, {}, 0, c.tokens), want,
                              subject().error_max == 0 ? want : magnitudes(c), subject().error_max),
            "");
}

// Layers of one input in one call are what they are alone, also where their weights want it in several ways.
TEST_P(Linear, AGroupIsItsLayers) {
  std::vector<Dtype> group = {dtype()};
  for (const Dtype other : {Dtype::kF16, Dtype::kQ8_0, Dtype::kQ4_K})
    if (able(subject(), device::Operation::kLinear, other)) group.push_back(other);
  const uint32_t cols = 1024;
  for (const uint32_t tokens : {1u, 3u, 40u}) {
    Rig rig(open(subject()), uint64_t{16} << 20);
    const std::vector<float> x = random_floats(tokens, uint64_t{tokens} * cols);
    const Mat input = rig.put_mat(x, tokens, cols, cols + 4);
    std::vector<WeightShape> shapes;
    device::LinearOutputs outs;
    std::vector<std::vector<float>> want;
    for (uint32_t i = 0; i < group.size(); ++i) {
      const WeightShape& shape = shapes.emplace_back(WeightShape{group[i], 17 * (i + 1), cols});
      device::LinearOutput out;
      out.weight = rig.put_weight(shape, random_weight(i, shape));
      const std::vector<float> before = random_floats(i + 5, uint64_t{tokens} * shape.rows);
      out.accumulate = i % 2 == 1;
      if (i == 2) out.bias = rig.put(random_floats(3, shape.rows));
      const auto target = [&] { return rig.put_mat(before, tokens, shape.rows, shape.rows + i); };
      out.out = target();
      const device::Buffer scratch = rig.space(rig.device().sizer().linear_scratch_bytes({{shape}}, tokens));
      rig.stream().linear({input, scratch, {out}});
      want.push_back(rig.get(out.out));
      out.out = target();
      outs.add(out);
    }
    rig.stream().linear({input, rig.space(rig.device().sizer().linear_scratch_bytes(shapes, tokens)), outs});
    for (uint32_t i = 0; i < outs.size(); ++i) EXPECT_EQ(difference(rig.get(outs[i].out), want[i]), "") << i;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Devices, Linear, ::testing::Combine(::testing::ValuesIn(subjects()), ::testing::ValuesIn(weight_types())),
    [](const auto& tested) {
      return name_of(std::get<0>(tested.param)) + "_" + quant::facts(std::get<1>(tested.param)).name;
    });

}  // namespace
}  // namespace gantry::conformance
