// Linear layers whose sum over k is shared out between ranks by whole sections: what the ranks' nodes come to
// is the whole layer's result, bit for bit, however the sections are dealt.
#include <algorithm>
#include <cstring>
#include <numeric>
#include <tuple>

#include <gtest/gtest.h>

#include "device/sections.h"
#include "tests/conformance/rig.h"

namespace gantry::conformance {
namespace {

using device::Mat;
using device::SectionRange;
using device::SectionRanges;
using device::WeightShape;
using quant::Dtype;

using Shares = std::vector<uint32_t>;

const std::vector<Shares>& all_shares() {
  static const std::vector<Shares> shares = {
      {1},    {1, 1},    {1, 1, 1},    {1, 1, 1, 1}, {1, 1, 1, 1, 1, 1, 1, 1},
      {5, 3}, {1, 6, 1}, {1, 1, 1, 5}, {7, 1}};
  return shares;
}

// Which sections each rank has; none where there are fewer than ranks.
std::vector<SectionRange> deal(uint32_t sections, const Shares& shares) {
  if (sections < shares.size()) return {};
  const uint32_t all = std::accumulate(shares.begin(), shares.end(), 0u);
  std::vector<SectionRange> out;
  uint32_t sum = 0, first = 0;
  for (size_t rank = 0; rank < shares.size(); ++rank) {
    sum += shares[rank];
    const auto left = static_cast<uint32_t>(shares.size() - 1 - rank);
    const uint32_t end = std::clamp(sections * sum / all, first + 1, sections - left);
    out.push_back({first, end});
    first = end;
  }
  return out;
}

// The nodes of all ranks, from left to right, and at which the rank's own begin.
struct Nodes {
  SectionRanges all;
  std::vector<uint32_t> first;
};
Nodes nodes_of(const WeightShape& whole, const std::vector<SectionRange>& dealt) {
  Nodes out;
  for (const SectionRange& range : dealt) {
    out.first.push_back(out.all.count);
    const SectionRanges own = device::section_sum(device::part_of(whole, range)).tree.nodes;
    for (uint32_t i = 0; i < own.count; ++i) out.all.range[out.all.count++] = own.range[i];
  }
  out.first.push_back(out.all.count);
  return out;
}

// Eight and sixteen sections, and seven that are as long as the heads of a KV head; the last one is longer
// where the type allows it. Their borders lie inside the units of the CPU's layouts too.
std::vector<WeightShape> shapes(Dtype dtype) {
  const uint32_t block = quant::facts(dtype).block_values, more = is_float(dtype) ? 3 : block;
  const uint32_t seventh = std::lcm(448u, block);
  return {{dtype, 19, 4096 + more}, {dtype, 5, 8192}, {dtype, 18, 7 * seventh, seventh}};
}

std::vector<std::byte> columns_of(const std::vector<std::byte>& rows, const WeightShape& part) {
  const uint64_t stride = quant::row_bytes(part.dtype, part.layer_cols()),
                 from = quant::row_bytes(part.dtype, part.first_col),
                 bytes = quant::row_bytes(part.dtype, part.cols);
  std::vector<std::byte> out(rows.size() / stride * bytes);
  for (uint64_t row = 0; row * stride < rows.size(); ++row)
    std::memcpy(&out[row * bytes], &rows[row * stride + from], bytes);
  return out;
}

Mat columns(const Mat& m, uint32_t first, uint32_t count) {
  return {m.buffer.part(4 * uint64_t{first}, m.buffer.bytes - 4 * uint64_t{first}), m.rows, count, m.stride};
}

// Why such layers are not shared out there; empty where they are.
std::string refused(const Subject& subject, device::Operation linear, Dtype dtype) {
  const std::string why = refusal(subject, {linear}, dtype);
  return why.empty() ? refusal(subject, {device::Operation::kFinishLinear}, Dtype::kF32) : why;
}

class SharedSums : public ::testing::TestWithParam<std::tuple<Subject, Dtype>> {
 protected:
  void SetUp() override {
    const std::string why = refused(subject(), device::Operation::kLinear, dtype());
    if (!why.empty()) GTEST_SKIP() << why;
  }
  const Subject& subject() const { return std::get<0>(GetParam()); }
  Dtype dtype() const { return std::get<1>(GetParam()); }
};

// A whole layer's call, and the same by ranks: each sums its part, one finishes what all came to.
class Layer {
 public:
  Layer(Rig& rig, const WeightShape& shape, uint32_t rows)
      : rig_(rig),
        shape_(shape),
        rows_(rows),
        weight_(random_weight(shape.cols, shape)),
        x_(rig.put_mat(random_floats(shape.rows, uint64_t{rows} * shape.cols), rows, shape.cols,
                       shape.cols + 5)),
        bias_(rig.put(random_floats(3, shape.rows))) {}

  Mat target() const {
    return rig_.put_mat(random_floats(4, uint64_t{rows_} * shape_.rows), rows_, shape_.rows, shape_.rows + 2);
  }
  std::vector<float> whole(bool bias, bool accumulate) const {
    const Mat out = target();
    linear(shape_, weight_, x_, {bias ? bias_ : device::Buffer{}, accumulate, out});
    return rig_.get(out);
  }
  std::vector<float> shared(const std::vector<SectionRange>& dealt, bool bias, bool accumulate) const {
    const Nodes nodes = nodes_of(shape_, dealt);
    const Mat sums = rig_.space_mat(rows_, nodes.all.count * shape_.rows, nodes.all.count * shape_.rows + 7);
    for (size_t rank = 0; rank < dealt.size(); ++rank) {
      const WeightShape part = device::part_of(shape_, dealt[rank]);
      const uint32_t first = nodes.first[rank], end = nodes.first[rank + 1];
      linear(part, columns_of(weight_, part), columns(x_, part.first_col, part.cols),
             {{}, false, columns(sums, first * part.rows, (end - first) * part.rows)});
    }
    const Mat out = target();
    device::FinishLinearArgs args;
    args.nodes = sums;
    args.sections = device::sections_of(shape_).count;
    args.ranges = nodes.all;
    if (bias) args.bias = bias_;
    args.accumulate = accumulate;
    args.out = out;
    rig_.stream().finish_linear(args);
    return rig_.get(out);
  }

 private:
  struct To {
    device::Buffer bias;
    bool accumulate;
    Mat out;
  };
  void linear(const WeightShape& shape, const std::vector<std::byte>& rows, const Mat& x,
              const To& to) const {
    const device::Weight weight = rig_.put_weight(shape, rows);
    const device::Buffer scratch = rig_.space(rig_.device().sizer().linear_scratch_bytes({{shape}}, rows_));
    rig_.stream().linear({x, scratch, {{weight, to.bias, to.accumulate, to.out}}});
  }

  Rig& rig_;
  const WeightShape shape_;
  const uint32_t rows_;
  const std::vector<std::byte> weight_;
  const Mat x_;
  const device::Buffer bias_;
};

TEST_P(SharedSums, ALayerOfAnyRanksIsTheWholeLayer) {
  for (const WeightShape& shape : shapes(dtype())) {
    for (const uint32_t rows : {1u, 5u}) {
      const bool more = rows > 1;  // a bias, and what stood there
      Rig rig(open(subject()), uint64_t{24} << 20);
      const Layer layer(rig, shape, rows);
      const std::vector<float> want = layer.whole(more, more);
      for (const Shares& shares : all_shares()) {
        const std::vector<SectionRange> dealt = deal(device::sections_of(shape).count, shares);
        if (dealt.empty()) continue;
        EXPECT_EQ(difference(layer.shared(dealt, more, more), want), "")
            << shape.cols << " values, " << shares.size() << " ranks, " << rows << " rows";
      }
    }
  }
}

// Every rank has a part of every expert; the experts' biases are added in the end, to the rows of each.
TEST_P(SharedSums, ExpertsOfAnyRanksAreTheWholeExperts) {
  const std::string why = refused(subject(), device::Operation::kExpertLinear, dtype());
  if (!why.empty()) GTEST_SKIP() << why;
  constexpr uint32_t kExperts = 4, kPlaces = 9;  // the first and the third one have no rows
  Rig rig(open(subject()), uint64_t{24} << 20);
  const device::Sizer& sizer = rig.device().sizer();
  const WeightShape whole = shapes(dtype())[0];
  std::vector<int32_t> source(kPlaces);
  std::iota(source.begin(), source.end(), 0);
  const device::Assignment who{kExperts,
                               1,
                               kPlaces,
                               rig.put(std::vector<int32_t>{0, 0, 4, 4, 9}),
                               rig.put(source),
                               rig.put(source),
                               rig.put(std::vector<float>(kPlaces, 1))};
  const Mat x = rig.put_mat(random_floats(8, uint64_t{kPlaces} * whole.cols), kPlaces, whole.cols);
  const device::Buffer bias = rig.put(random_floats(9, uint64_t{kExperts} * whole.rows));
  const auto linear = [&](const WeightShape& shape, const device::Buffer& its_bias, const Mat& out) {
    device::WeightStack stack{{}, shape, kExperts, device::stack_stride(sizer, shape)};
    stack.buffer = rig.space(stack.count * stack.stride);
    for (uint32_t e = 0; e < kExperts; ++e) {
      const std::vector<std::byte> rows = columns_of(random_weight(e, whole), shape);
      rig.stream().upload_weight(stack.matrix(e), 0, rows);
      rig.stream().sync();
    }
    const device::Buffer scratch = rig.space(sizer.stack_scratch_bytes(shape, kExperts, kPlaces));
    rig.stream().expert_linear(
        {stack, who, columns(x, shape.first_col, shape.cols), true, its_bias, out, scratch});
  };
  const Mat want = rig.space_mat(kPlaces, whole.rows);
  linear(whole, bias, want);
  for (const Shares& shares : {Shares{1, 1}, {1, 1, 1}, {5, 3}}) {
    const std::vector<SectionRange> dealt = deal(device::sections_of(whole).count, shares);
    const Nodes nodes = nodes_of(whole, dealt);
    const Mat sums = rig.space_mat(kPlaces, nodes.all.count * whole.rows);
    for (size_t rank = 0; rank < dealt.size(); ++rank)
      linear(device::part_of(whole, dealt[rank]), {},
             columns(sums, nodes.first[rank] * whole.rows,
                     (nodes.first[rank + 1] - nodes.first[rank]) * whole.rows));
    const Mat got = rig.space_mat(kPlaces, whole.rows);
    rig.stream().finish_linear(
        {sums, device::sections_of(whole).count, nodes.all, bias, kExperts, who.starts, false, got});
    EXPECT_EQ(difference(rig.get(got), rig.get(want)), "") << shares.size() << " ranks";
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, SharedSums,
                         ::testing::Combine(::testing::ValuesIn(subjects()),
                                            ::testing::ValuesIn(weight_types())),
                         [](const auto& tested) {
                           return name_of(std::get<0>(tested.param)) + "_" +
                                  quant::facts(std::get<1>(tested.param)).name;
                         });

// ---- the ranks themselves: devices and threads of their own, nodes exchanged where they were summed

class RanksOfASum : public ::testing::TestWithParam<Subject> {};

TEST_P(RanksOfASum, EachComesToTheWholeLayer) {
  constexpr uint32_t kRows = 3;
  const WeightShape whole{Dtype::kQ8_0, 33, 4096};
  const std::string why = refused(GetParam(), device::Operation::kLinear, whole.dtype);
  if (!why.empty()) GTEST_SKIP() << why;
  const std::vector<std::byte> weight = random_weight(1, whole);
  const std::vector<float> x = random_floats(2, uint64_t{kRows} * whole.cols);
  const auto sum = [&](Rig& rig, const WeightShape& shape, const Mat& out) {
    const Mat all = rig.put_mat(x, kRows, whole.cols);
    const device::Buffer scratch = rig.space(rig.device().sizer().linear_scratch_bytes({{shape}}, kRows));
    rig.stream().linear({columns(all, shape.first_col, shape.cols),
                         scratch,
                         {{rig.put_weight(shape, columns_of(weight, shape)), {}, false, out}}});
  };
  Rig alone(open(GetParam()));
  const Mat wanted = alone.space_mat(kRows, whole.rows);
  sum(alone, whole, wanted);
  const std::vector<float> want = alone.get(wanted);
  for (const Shares& shares : {Shares{1, 1}, {1, 1, 1}, {2, 1, 5}, {1, 1, 1, 1}}) {
    const auto ranks = static_cast<uint32_t>(shares.size());
    on_ranks(GetParam(), ranks, [&](Rig& rig, device::Communicator& all, uint32_t rank) {
      const std::vector<SectionRange> dealt = deal(device::sections_of(whole).count, shares);
      const Nodes nodes = nodes_of(whole, dealt);
      const Mat sums = rig.space_mat(kRows, nodes.all.count * whole.rows);
      const uint32_t first = nodes.first[rank], end = nodes.first[rank + 1];
      const Mat mine = columns(sums, first * whole.rows, (end - first) * whole.rows);
      const Mat out = rig.put_mat(std::vector<float>(kRows * whole.rows, -0.0f), kRows, whole.rows);
      sum(rig, device::part_of(whole, dealt[rank]), mine);
      all.all_gather_cols(rig.stream(), mine, sums);
      rig.stream().finish_linear({sums, device::sections_of(whole).count, nodes.all, {}, 0, {}, true, out});
      EXPECT_EQ(difference(rig.get(out), want), "") << ranks << " ranks, rank " << rank;
    });
  }
}

INSTANTIATE_TEST_SUITE_P(Each, RanksOfASum, ::testing::ValuesIn(subjects()),
                         [](const auto& tested) { return name_of(tested.param); });

}  // namespace
}  // namespace gantry::conformance
