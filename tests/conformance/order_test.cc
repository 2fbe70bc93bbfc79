// The order of sums (docs/decisions/0006), written down once more in the plainest way: the scalar device must
// give these very bits.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>

#include <gtest/gtest.h>

#include "base/ids.h"
#include "device/sections.h"
#include "tests/conformance/rig.h"

namespace gantry::conformance {
namespace {

using device::Sections;
using device::WeightShape;
using quant::Dtype;

// The sum of numbers [first, end) by the halving tree, the left half the greater one.
float halving_sum(const std::vector<float>& numbers, size_t first, size_t end) {
  if (end - first == 1) return numbers[first];
  const size_t middle = first + (end - first + 1) / 2;
  return halving_sum(numbers, first, middle) + halving_sum(numbers, middle, end);
}

float chain(const float* w, const float* x, uint32_t first, uint32_t end) {
  float sum = 0;
  for (uint32_t k = first; k < end; ++k) sum = std::fma(w[k], x[k], sum);
  return sum;
}

float sum_of_sections(const Sections& sections, const float* w, const float* x) {
  std::vector<float> sums;
  for (uint32_t i = 0; i < sections.count; ++i)
    sums.push_back(chain(w, x, sections.borders[i], sections.borders[i + 1]));
  return halving_sum(sums, 0, sums.size());
}

std::vector<float> run_linear(Rig& rig, const WeightShape& shape, const std::vector<float>& w,
                              const std::vector<float>& x) {
  const auto bytes = std::as_bytes(std::span(w));
  device::LinearOutput out;
  out.weight = rig.put_weight(shape, {bytes.begin(), bytes.end()});
  out.out = rig.space_mat(1, shape.rows);
  rig.stream().linear({rig.put_mat(x, 1, shape.cols),
                       rig.space(rig.device().sizer().linear_scratch_bytes({{shape}}, 1)),
                       {out}});
  return rig.get(out.out);
}

TEST(Order, SectionsOfALinearLayerAreAddedByTheTree) {
  for (const auto& [cols, unit] : std::vector<std::pair<uint32_t, uint32_t>>{
           {64, 256}, {1025, 256}, {1344, 448}, {2560, 320}, {4096, 256}, {5120, 512}, {11008, 256}}) {
    const WeightShape shape{Dtype::kF32, 3, cols, unit};
    const Sections sections = device::sections_of(shape);
    const std::vector<float> w = random_floats(cols, uint64_t{shape.rows} * cols),
                             x = random_floats(cols + 1, cols);
    Rig rig(open_scalar());
    const std::vector<float> got = run_linear(rig, shape, w, x);
    for (uint32_t row = 0; row < shape.rows; ++row)
      EXPECT_EQ(got[row], sum_of_sections(sections, w.data() + uint64_t{row} * cols, x.data()))
          << cols << " values in " << sections.count << " sections";
  }
}

// Many short chains err less than few long ones: here, in place of sections, chains of 1,024 added one after
// the other.
TEST(Order, SectionsErrLessThanLongChains) {
  for (const uint32_t cols : {2048u, 4096u, 8192u, 14336u}) {
    const WeightShape shape{Dtype::kF32, 400, cols};
    const Sections sections = device::sections_of(shape);
    double error = 0, greatest = 0, error_of_long = 0, greatest_of_long = 0;
    for (uint32_t row = 0; row < shape.rows; ++row) {
      const std::vector<float> w = random_floats(2 * row, cols), x = random_floats(2 * row + 1, cols);
      double exact = 0, magnitude = 0;
      for (uint32_t k = 0; k < cols; ++k) {
        exact += double{w[k]} * double{x[k]};
        magnitude += std::abs(double{w[k]} * double{x[k]});
      }
      float in_order = 0;
      for (uint32_t k = 0; k < cols; k += 1024)
        in_order += chain(w.data(), x.data(), k, std::min(cols, k + 1024));
      const double mine = std::abs(double{sum_of_sections(sections, w.data(), x.data())} - exact) / magnitude;
      const double of_long = std::abs(double{in_order} - exact) / magnitude;
      error += mine / shape.rows;
      error_of_long += of_long / shape.rows;
      greatest = std::max(greatest, mine);
      greatest_of_long = std::max(greatest_of_long, of_long);
    }
    RecordProperty("sections_" + std::to_string(cols),
                   std::to_string(error) + " " + std::to_string(greatest));
    std::printf("%u values: mean %.3g, greatest %.3g; long chains: mean %.3g, greatest %.3g\n", cols, error,
                greatest, error_of_long, greatest_of_long);
    EXPECT_LE(error, error_of_long);
    EXPECT_LE(greatest, greatest_of_long);
  }
}

// Lane j sums what `of` makes of the elements j, j + 256, ...
float sum_in_lanes(uint32_t count, const std::function<float(float sum, uint32_t i)>& with) {
  std::vector<float> lanes(256, 0.0f);
  for (uint32_t i = 0; i < count; ++i) lanes[i % 256] = with(lanes[i % 256], i);
  for (size_t half = 128; half > 0; half /= 2) {
    for (size_t j = 0; j < half; ++j) lanes[j] += lanes[j + half];
  }
  return lanes[0];
}

TEST(Order, NormsSumIn256Lanes) {
  constexpr float kEps = 1e-5f;
  for (const uint32_t cols : {1u, 100u, 256u, 257u, 2048u, 3001u}) {
    const std::vector<float> x = random_floats(cols, cols);
    const auto square = [&](float sum, uint32_t i) { return std::fma(x[i], x[i], sum); };
    const auto count = static_cast<float>(cols);
    Rig rig(open_scalar());
    const device::Mat in = rig.put_mat(x, 1, cols), out = rig.space_mat(1, cols);
    const auto expect = [&](const char* what, const std::function<float(float)>& formula) {
      std::vector<float> want;
      for (const float value : x) want.push_back(formula(value));
      EXPECT_EQ(difference(rig.get(out), want), "") << what << " of " << cols;
    };
    const float squares = sum_in_lanes(cols, square);
    rig.stream().norm({device::NormKind::kRms, in, {}, {}, 1, kEps, out});
    const float scale = 1.0f / std::sqrt(squares / count + kEps);
    expect("rms norm", [&](float value) { return value * scale; });
    rig.stream().l2_norm({in, 1, kEps, 1.0f, out});
    const float length = 1.0f / std::max(std::sqrt(squares), kEps);
    expect("l2 norm", [&](float value) { return value * length; });
    rig.stream().norm({device::NormKind::kLayer, in, {}, {}, 1, kEps, out});
    const float mean = sum_in_lanes(cols, [&](float sum, uint32_t i) { return sum + x[i]; }) / count;
    const float variance =
        sum_in_lanes(cols, [&](float sum, uint32_t i) { return std::fma(x[i] - mean, x[i] - mean, sum); }) /
        count;
    const float of_layer = 1.0f / std::sqrt(variance + kEps);
    expect("layer norm", [&](float value) { return (value - mean) * of_layer; });
  }
}

// With queries of zero all weights and all factors are 1, and what is left of attention is the order of its
// sums.
TEST(Order, SectionsOfPositionsAreJoinedInOrder) {
  constexpr uint32_t kLength = 2300, kDim = 16, kSpan = 32, kSection = 1024;
  Rig rig(open_scalar());
  const device::KvShape shape{Dtype::kF32, 1, kDim, kDim};
  const std::vector<float> v = random_floats(5, uint64_t{kLength} * kDim);
  std::vector<int32_t> positions(kLength), sequences(kLength, 0);
  std::vector<uint32_t> table;
  for (uint32_t p = 0; p < kLength; ++p) positions[p] = static_cast<int32_t>(p);
  for (uint32_t page = 0; page <= kLength / kPageTokens; ++page) table.push_back(page);
  const device::KvPages pages{rig.space(table.size() * rig.device().sizer().kv_page_bytes(shape)), shape};
  const auto pages_max = static_cast<uint32_t>(table.size());
  rig.stream().kv_write({pages, rig.put_rows(positions, sequences, table, pages_max),
                         rig.put_mat(v, kLength, kDim), rig.put_mat(v, kLength, kDim)});
  rig.stream().sync();
  for (const uint32_t window : {0u, 1500u}) {
    device::AttentionArgs args;
    args.pages = pages;
    args.rows = rig.put_rows({kLength - 1}, {0}, table, pages_max);
    args.q = rig.put_mat(std::vector<float>(kDim, 0.0f), 1, kDim);
    args.heads = 1;
    args.out = rig.space_mat(1, kDim);
    args.window = window;
    args.scratch = rig.space(rig.device().sizer().attention_scratch_bytes(shape, 1, 1));
    rig.stream().attention(args);
    const uint32_t oldest = window == 0 ? 0 : kLength - window;
    std::vector<float> want(kDim);
    for (uint32_t d = 0; d < kDim; ++d) {
      std::vector<float> sections, spans;  // sums of those that have begun
      for (uint32_t p = oldest; p < kLength; ++p) {
        if (p == oldest || p % kSection == 0) sections.push_back(0), spans.clear();
        if (p == oldest || p % kSpan == 0) spans.push_back(0);
        spans.back() += v[uint64_t{p} * kDim + d];
        float section = spans[0];
        for (size_t i = 1; i < spans.size(); ++i) section += spans[i];
        sections.back() = section;
      }
      float sum = sections[0];
      for (size_t i = 1; i < sections.size(); ++i) sum += sections[i];
      want[d] = sum * (1.0f / static_cast<float>(kLength - oldest));
    }
    EXPECT_EQ(difference(rig.get(args.out), want), "") << "window " << window;
  }
}

}  // namespace
}  // namespace gantry::conformance
