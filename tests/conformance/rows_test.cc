// Operations that work row by row: norm, rotation, gated activation, sum, embedding, gathering; copies and
// fills.
#include <cmath>
#include <functional>

#include <gtest/gtest.h>

#include "tests/conformance/rig.h"

namespace gantry::conformance {
namespace {

using device::Mat;
using quant::Dtype;

struct Size {
  uint32_t rows, cols;
};
constexpr Size kSizes[] = {{1, 1}, {3, 7}, {2, 16}, {5, 100}, {40, 2048}, {130, 33}};

double silu(double x) { return x / (1 + std::exp(-x)); }

// An operation on two matrices, and what one of its values is.
struct Operation {
  const char* name;
  std::function<void(Rig&, const Mat& x, const Mat& y, const Mat& out)> run;
  std::function<double(const float* x_row, const float* y_row, uint32_t cols, uint32_t i)> formula;
};

std::vector<Operation> operations() {
  return {
      {"add",
       [](Rig& rig, const Mat& x, const Mat& y, const Mat& out) {
         rig.stream().add({x, y, out});
       },
       [](const float* x, const float* y, uint32_t, uint32_t i) { return double{x[i]} + double{y[i]}; }},
      {"silu_glu",
       [](Rig& rig, const Mat& x, const Mat& y, const Mat& out) {
         rig.stream().glu({device::Activation::kSilu, x, y, out});
       },
       [](const float* x, const float* y, uint32_t, uint32_t i) { return silu(x[i]) * double{y[i]}; }},
      {"rms_norm",
       [](Rig& rig, const Mat& x, const Mat& y, const Mat& out) {
         rig.stream().rms_norm({x, y.buffer, 1e-5f, out});  // y's first row is the weight
       },
       nullptr},
  };
}

std::vector<float> run(Rig& rig, const Operation& op, Size size, uint32_t gap, bool in_place) {
  const uint64_t count = uint64_t{size.rows} * size.cols;
  const Mat x = rig.put_mat(random_floats(11, count, 3), size.rows, size.cols, size.cols + gap);
  const Mat y = rig.put_mat(random_floats(12, count, 2), size.rows, size.cols, size.cols + gap);
  const Mat out = in_place ? x : rig.space_mat(size.rows, size.cols, size.cols + 2 * gap);
  op.run(rig, x, y, out);
  return rig.get(out);
}

TEST(RowFormulas, ScalarIsWhatTheFormulaSays) {
  for (const Operation& op : operations()) {
    for (const Size& size : kSizes) {
      Rig rig(open_scalar());
      const std::vector<float> got = run(rig, op, size, 3, false);
      const uint64_t count = uint64_t{size.rows} * size.cols;
      const std::vector<float> x = random_floats(11, count, 3), y = random_floats(12, count, 2);
      for (uint32_t r = 0; r < size.rows; ++r) {
        const float* row = x.data() + uint64_t{r} * size.cols;
        double squares = 0;
        for (uint32_t i = 0; i < size.cols; ++i) squares += double{row[i]} * double{row[i]};
        for (uint32_t i = 0; i < size.cols; ++i) {
          const double want = op.formula ? op.formula(row, y.data() + uint64_t{r} * size.cols, size.cols, i)
                                         : row[i] / std::sqrt(squares / size.cols + 1e-5) * double{y[i]};
          ASSERT_NEAR(got[uint64_t{r} * size.cols + i], want, 2e-6 * (1 + std::abs(want))) << op.name;
        }
      }
    }
  }
}

TEST(RowFormulas, ExponentialOverItsWholeRange) {
  // silu(x) * 1 = x / (1 + e^-x) shows e over its range.
  std::vector<float> x;
  for (float v = -120; v < 120; v += 0.0371f) x.push_back(v);
  x.insert(x.end(), {0.0f, -0.0f, 88.7f, -88.7f, 1e30f, std::numeric_limits<float>::infinity()});
  const auto n = static_cast<uint32_t>(x.size());
  Rig rig(open_scalar());
  const Mat gate = rig.put_mat(x, 1, n), up = rig.put_mat(std::vector<float>(n, 1.0f), 1, n);
  rig.stream().glu({device::Activation::kSilu, gate, up, gate});
  const std::vector<float> got = rig.get(gate);
  for (uint32_t i = 0; i + 1 < n; ++i)
    ASSERT_NEAR(got[i], silu(x[i]), 3e-7 * std::abs(silu(x[i])) + 1e-36) << x[i];
  EXPECT_EQ(got[n - 1], std::numeric_limits<float>::infinity());
}

class Rows : public ::testing::TestWithParam<Subject> {};

TEST_P(Rows, EqualScalar) {
  for (const Operation& op : operations()) {
    for (const Size& size : kSizes) {
      for (const bool in_place : {false, true}) {
        Rig truth(open_scalar()), rig(open(GetParam()));
        const std::vector<float> want = run(truth, op, size, 0, false);
        EXPECT_EQ(difference_within(run(rig, op, size, 5, in_place), want, want, GetParam().error_max), "")
            << op.name;
      }
    }
  }
}

TEST_P(Rows, NotANumberStaysNotANumber) {
  Rig rig(open(GetParam()));
  std::vector<float> x(20, 1.0f);
  x[3] = std::numeric_limits<float>::quiet_NaN();
  const Mat gate = rig.put_mat(x, 1, 20), up = rig.put_mat(std::vector<float>(20, 1.0f), 1, 20);
  const Mat out = rig.space_mat(1, 20);
  rig.stream().glu({device::Activation::kSilu, gate, up, out});
  const std::vector<float> got = rig.get(out);
  for (uint32_t i = 0; i < 20; ++i) EXPECT_EQ(std::isnan(got[i]), i == 3);
}

std::vector<float> rotated(Rig& rig, device::RopeOrder order, uint32_t heads, uint32_t dim, uint32_t pairs,
                           const std::vector<int32_t>& positions, const std::vector<double>& frequencies) {
  const auto rows = static_cast<uint32_t>(positions.size());
  const Mat table = rig.space_mat(rows, 2 * pairs);
  rig.stream().rope_table({rig.put(positions), rig.put(frequencies), 1.25f, table});
  const Mat x =
      rig.put_mat(random_floats(21, uint64_t{rows} * heads * dim), rows, heads * dim, heads * dim + 4);
  rig.stream().rope({x, heads, dim, order, table});
  return rig.get(x);
}

TEST_P(Rows, Rotation) {
  const std::vector<int32_t> positions = {0, 1, 77, 4095, 131071};
  for (const auto& [dim, pairs] : {std::pair{4u, 2u}, {64u, 32u}, {80u, 20u}, {34u, 17u}}) {
    std::vector<double> frequencies;
    for (uint32_t i = 0; i < pairs; ++i)
      frequencies.push_back(std::pow(10000.0, -static_cast<double>(i) / pairs));
    for (const auto order : {device::RopeOrder::kAdjacent, device::RopeOrder::kNeox}) {
      constexpr uint32_t kHeads = 3;
      Rig truth(open_scalar()), rig(open(GetParam()));
      const std::vector<float> got = rotated(rig, order, kHeads, dim, pairs, positions, frequencies);
      const std::vector<float> want = rotated(truth, order, kHeads, dim, pairs, positions, frequencies);
      EXPECT_EQ(difference_within(got, want, std::vector<float>(want.size(), 4.0f), GetParam().error_max),
                "");
      const std::vector<float> x = random_floats(21, positions.size() * kHeads * dim);
      for (size_t at = 0; at < want.size(); ++at) {
        const auto d = static_cast<uint32_t>(at % dim), row = static_cast<uint32_t>(at / (kHeads * dim));
        if (d >= 2 * pairs) {
          ASSERT_EQ(want[at], x[at]);
          continue;
        }
        const bool neox = order == device::RopeOrder::kNeox;
        const uint32_t pair = neox ? d % pairs : d / 2;
        const bool second = neox ? d >= pairs : d % 2 == 1;
        const size_t other = neox ? (second ? at - pairs : at + pairs) : (second ? at - 1 : at + 1);
        const double angle = positions[row] * frequencies[pair];
        const double c = 1.25 * std::cos(angle), s = 1.25 * std::sin(angle);
        ASSERT_NEAR(want[at], second ? x[other] * s + x[at] * c : x[at] * c - x[other] * s, 1e-5);
      }
    }
  }
}

TEST_P(Rows, EmbeddingIsDecodedRowsTimesScale) {
  for (const Dtype dtype : weight_types()) {
    const uint32_t cols = is_float(dtype) ? 77 : 512;
    const device::WeightShape shape{dtype, 37, cols};
    const std::vector<std::byte> rows = random_weight(31, shape);
    const std::vector<float> values = decoded(shape, rows);
    const std::vector<int32_t> tokens = {36, 0, 15, 16, 17, 36, 5};
    Rig rig(open(GetParam()));
    const Mat out = rig.space_mat(static_cast<uint32_t>(tokens.size()), cols, cols + 3);
    rig.stream().embed({rig.put_weight(shape, rows), rig.put(tokens), 1.5f, out});
    const std::vector<float> got = rig.get(out);
    for (size_t t = 0; t < tokens.size(); ++t) {
      for (uint32_t i = 0; i < cols; ++i)
        ASSERT_EQ(got[t * cols + i], values[static_cast<uint32_t>(tokens[t]) * cols + i] * 1.5f)
            << quant::facts(dtype).name;
    }
  }
}

TEST_P(Rows, Gather) {
  Rig rig(open(GetParam()));
  const std::vector<float> values = random_floats(41, 9 * 21);
  const std::vector<int32_t> indices = {8, 0, 8, 3};
  const Mat out = rig.space_mat(4, 21, 30);
  rig.stream().gather_rows({rig.put_mat(values, 9, 21, 25), rig.put(indices), out});
  const std::vector<float> got = rig.get(out);
  for (uint32_t r = 0; r < 4; ++r) {
    for (uint32_t i = 0; i < 21; ++i)
      EXPECT_EQ(got[r * 21 + i], values[static_cast<uint32_t>(indices[r]) * 21 + i]);
  }
}

TEST_P(Rows, CopyAndFill) {
  Rig rig(open(GetParam()));
  const Mat x = rig.put_mat(random_floats(51, 100), 1, 100), y = rig.space_mat(1, 100);
  rig.stream().fill(y.buffer, std::byte{0});
  EXPECT_EQ(rig.get(y), std::vector<float>(100, 0.0f));
  rig.stream().copy(y.buffer.part(40, 200), x.buffer.part(80, 200));
  const std::vector<float> got = rig.get(y), from = rig.get(x);
  for (uint32_t i = 0; i < 100; ++i) EXPECT_EQ(got[i], i >= 10 && i < 60 ? from[i + 10] : 0.0f);
}

INSTANTIATE_TEST_SUITE_P(Devices, Rows, ::testing::ValuesIn(subjects()),
                         [](const auto& tested) { return name_of(tested.param); });

}  // namespace
}  // namespace gantry::conformance
