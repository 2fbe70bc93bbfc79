// Operations that work row by row: norms, rotation, activations, sum, scaling, embedding, gathering; copies
// and fills.
#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <limits>
#include <string>
#include <tuple>

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

// What each activation is, in double precision.
struct Named {
  const char* name;
  device::Activation activation;
  double (*formula)(double x);
  double (*gated)(double up) = [](double up) { return up; };  // what it gates, as it enters the product
};
constexpr Named kActivations[] = {
    {"silu", device::Activation::kSilu, silu},
    {"gelu", device::Activation::kGelu,
     [](double x) { return x / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))); }},
    {"gelu_erf", device::Activation::kGeluErf,
     [](double x) { return x / 2 * (1 + std::erf(x / std::sqrt(2.0))); }},
    {"gelu_quick", device::Activation::kGeluQuick, [](double x) { return x / (1 + std::exp(-1.702 * x)); }},
    {"relu", device::Activation::kRelu, [](double x) { return std::max(0.0, x); }},
    {"relu_squared", device::Activation::kReluSquared,
     [](double x) { return std::max(0.0, x) * std::max(0.0, x); }},
    {"limited", device::Activation::kLimited,
     [](double x) { return std::min(x, 7.0) / (1 + std::exp(-1.702 * std::min(x, 7.0))); },
     [](double up) { return std::clamp(up, -7.0, 7.0) + 1; }},
};
static_assert(std::size(kActivations) == device::kActivations);

struct Table {
  std::vector<float> values;
  uint32_t rows, cols;
  const float* row(uint32_t r) const { return values.data() + uint64_t{r} * cols; }
};

// An operation on two matrices, and what one of its values is.
struct Operation {
  device::Operation asked = device::Operation::kAdd;
  std::string name;
  std::function<void(Rig&, const Mat& x, const Mat& y, const Mat& out)> run;
  std::function<double(const float* x_row, const Table& y, uint32_t row, uint32_t cols, uint32_t i)> formula;
};

// The mean and the mean square of what is left of it.
struct Moments {
  double mean = 0, variance = 0;
};
Moments moments(const float* x, uint32_t cols) {
  Moments m;
  for (uint32_t i = 0; i < cols; ++i) m.mean += double{x[i]} / cols;
  for (uint32_t i = 0; i < cols; ++i) m.variance += (x[i] - m.mean) * (x[i] - m.mean) / cols;
  return m;
}

// y's first row is the norm's weight, its last one the bias: rows of equal width.
Operation norm_operation(const char* name, device::NormKind kind, bool weighted, bool biased) {
  return {device::Operation::kNorm, name,
          [=](Rig& rig, const Mat& x, const Mat& y, const Mat& out) {
            const uint64_t last = uint64_t{4} * (y.rows - 1) * y.stride;
            rig.stream().norm({kind, x, weighted ? y.buffer : device::Buffer{},
                               biased ? y.buffer.part(last, y.buffer.bytes - last) : device::Buffer{}, 1,
                               1e-5f, out});
          },
          [=](const float* x, const Table& y, uint32_t, uint32_t cols, uint32_t i) {
            const Moments m = moments(x, cols);
            const bool layer = kind == device::NormKind::kLayer;
            const double power = layer ? m.variance : m.variance + m.mean * m.mean;
            const double normed = (x[i] - (layer ? m.mean : 0)) / std::sqrt(power + 1e-5);
            return normed * (weighted ? double{y.row(0)[i]} : 1) +
                   (biased ? double{y.row(y.rows - 1)[i]} : 0);
          }};
}

std::vector<Operation> operations() {
  std::vector<Operation> all = {
      {device::Operation::kAdd, "add",
       [](Rig& rig, const Mat& x, const Mat& y, const Mat& out) {
         rig.stream().add({x, y, out});
       },
       [](const float* x, const Table& y, uint32_t r, uint32_t, uint32_t i) {
         return double{x[i]} + double{y.row(r)[i]};
       }},
      {device::Operation::kAdd, "add_scaled",
       [](Rig& rig, const Mat& x, const Mat& y, const Mat& out) {
         rig.stream().add({x, y, out, 0.3f});
       },
       [](const float* x, const Table& y, uint32_t r, uint32_t, uint32_t i) {
         return double{x[i]} + double{0.3f} * double{y.row(r)[i]};
       }},
      norm_operation("rms_norm", device::NormKind::kRms, true, false),
      norm_operation("rms_norm_bare", device::NormKind::kRms, false, false),
      norm_operation("layer_norm", device::NormKind::kLayer, true, true),
      norm_operation("layer_norm_bare", device::NormKind::kLayer, false, false),
  };
  for (const Named& named : kActivations) {
    all.push_back({device::Operation::kGlu, std::string(named.name) + "_glu",
                   [&](Rig& rig, const Mat& x, const Mat& y, const Mat& out) {
                     rig.stream().glu({named.activation, x, y, out});
                   },
                   [&](const float* x, const Table& y, uint32_t r, uint32_t, uint32_t i) {
                     return named.formula(x[i]) * named.gated(double{y.row(r)[i]});
                   }});
    all.push_back(
        {device::Operation::kActivate, named.name,
         [&](Rig& rig, const Mat& x, const Mat&, const Mat& out) {
           rig.stream().activate({named.activation, x, out});
         },
         [&](const float* x, const Table&, uint32_t, uint32_t, uint32_t i) { return named.formula(x[i]); }});
  }
  return all;
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
      const std::vector<float> x = random_floats(11, count, 3);
      const Table y{random_floats(12, count, 2), size.rows, size.cols};
      for (uint32_t r = 0; r < size.rows; ++r) {
        for (uint32_t i = 0; i < size.cols; ++i) {
          const double want = op.formula(x.data() + uint64_t{r} * size.cols, y, r, size.cols, i);
          ASSERT_NEAR(got[uint64_t{r} * size.cols + i], want, 2e-6 * (1 + std::abs(want))) << op.name;
        }
      }
    }
  }
}

// Weights of their own for each head: row r takes row r % 3.
TEST(RowFormulas, NormWeightsInTurn) {
  constexpr uint32_t kRows = 7, kCols = 20, kGroups = 3;
  const std::vector<float> x = random_floats(13, kRows * kCols), w = random_floats(14, kGroups * kCols);
  Rig rig(open_scalar());
  const Mat out = rig.space_mat(kRows, kCols);
  const device::Buffer weight = rig.put(w);
  rig.stream().norm({device::NormKind::kLayer, rig.put_mat(x, kRows, kCols), weight, {}, kGroups, 0, out});
  const std::vector<float> got = rig.get(out);
  for (uint32_t r = 0; r < kRows; ++r) {
    const Moments m = moments(x.data() + r * kCols, kCols);
    for (uint32_t i = 0; i < kCols; ++i) {
      const double want =
          (x[r * kCols + i] - m.mean) / std::sqrt(m.variance) * double{w[r % kGroups * kCols + i]};
      ASSERT_NEAR(got[r * kCols + i], want, 1e-5);
    }
  }
}

// cap * tanh(x / cap) from far below the cap to far above; the error stays small beside the value itself.
TEST(RowFormulas, ScaleClampAndCap) {
  std::vector<float> x;
  for (float v = 1e-6f; v < 1e6f; v *= 1.07f) x.insert(x.end(), {v, -v});
  const auto n = static_cast<uint32_t>(x.size());
  for (const auto& [scale, clamp, cap] :
       {std::tuple{1.0f, 0.0f, 50.0f}, {0.25f, 0.0f, 0.0f}, {2.0f, 8.0f, 0.0f}, {0.5f, 3.0f, 2.0f}}) {
    Rig rig(open_scalar());
    const Mat mat = rig.put_mat(x, 1, n);
    rig.stream().scale({mat, scale, clamp, cap});
    const std::vector<float> got = rig.get(mat);
    for (uint32_t i = 0; i < n; ++i) {
      double want = double{x[i]} * double{scale};
      if (clamp != 0) want = std::clamp(want, -double{clamp}, double{clamp});
      if (cap != 0) want = double{cap} * std::tanh(want / double{cap});
      ASSERT_NEAR(got[i], want, 3e-7 * std::abs(want)) << x[i];
    }
  }
}

TEST(RowFormulas, TemperGrowsByTheLogarithmOfWholeSpans) {
  Rig rig(open_scalar());
  const std::vector<int32_t> positions = {0, 8190, 8191, 8192, 100000};
  const Mat x = rig.put_mat(std::vector<float>(5 * 3, 2.0f), 5, 3);
  rig.stream().temper({x, rig.put(positions), 0.1f, 1, 8192});
  const std::vector<float> got = rig.get(x);
  for (size_t r = 0; r < positions.size(); ++r) {
    const double want = 2 * (1 + 0.1 * std::log(1 + std::floor((positions[r] + 1.0) / 8192)));
    for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(got[r * 3 + i], want, 1e-6) << positions[r];
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
    if (!able(GetParam(), op.asked)) continue;
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

TEST_P(Rows, ScalingEqualsScalar) {
  const std::vector<float> x = random_floats(15, 3 * 77, 40);
  const std::vector<int32_t> positions = {5, 70, 4000};
  const auto scaled = [&](Rig& rig) {
    const Mat mat = rig.put_mat(x, 3, 77, 80);
    rig.stream().scale({mat, 1.3f, 30, 20});
    rig.stream().temper({mat, rig.put(positions), 0.2f, 0, 64});
    return rig.get(mat);
  };
  Rig truth(open_scalar()), rig(open(GetParam()));
  const std::vector<float> want = scaled(truth);
  EXPECT_EQ(difference_within(scaled(rig), want, want, GetParam().error_max), "");
}

TEST_P(Rows, NotANumberStaysNotANumber) {
  Rig rig(open(GetParam()));
  std::vector<float> x(20, 1.0f);
  x[3] = std::numeric_limits<float>::quiet_NaN();
  const Mat gate = rig.put_mat(x, 1, 20), up = rig.put_mat(std::vector<float>(20, 1.0f), 1, 20);
  const Mat out = rig.space_mat(1, 20);
  for (const Named& named : kActivations) {
    rig.stream().glu({named.activation, gate, up, out});
    const std::vector<float> got = rig.get(out);
    for (uint32_t i = 0; i < 20; ++i) EXPECT_EQ(std::isnan(got[i]), i == 3) << named.name;
  }
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
    if (!able(GetParam(), device::Operation::kEmbed, dtype)) continue;
    const uint32_t cols = is_float(dtype) ? 77 : 512;
    const device::WeightShape shape{dtype, 2 * device::kUploadRows + 37, cols};  // three slabs
    const std::vector<std::byte> rows = random_weight(31, shape);
    const std::vector<float> values = decoded(shape, rows);
    const std::vector<int32_t> tokens = {36, 0, 15, 16, 17, 255, 256, 511, 512, 548, 36};
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
