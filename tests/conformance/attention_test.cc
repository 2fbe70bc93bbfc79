// Paged attention: the formula, page placement, poisoned memory, grouping of rows and heads.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <gtest/gtest.h>

#include "base/ids.h"
#include "tests/conformance/rig.h"

namespace gantry::conformance {
namespace {

using device::KvShape;
using quant::Dtype;

struct Case {
  KvShape shape;
  uint32_t heads = 0;
  std::vector<uint32_t> lengths;  // positions of each sequence
  float cap = 0;
  uint32_t window = 0;
  bool slopes = false, sinks = false;
};
// Of head h.
float slope_of(uint32_t h) { return 0.5f / static_cast<float>(h + 1); }
float sink_of(uint32_t h) { return static_cast<float>(h % 5) - 1.5f; }

// Heads per KV head 1 to 40, odd widths, keys and values of different width, lengths around page borders.
std::vector<Case> cases() {
  std::vector<Case> out;
  for (const Dtype dtype : {Dtype::kF32, Dtype::kF16, Dtype::kQ8_0}) {
    out.push_back({{dtype, 1, 4, 4}, 1, {1}});
    out.push_back({{dtype, 2, 64, 64}, 8, {31, 32, 33, 100}});
    out.push_back({{dtype, 3, 40, 24}, 6, {65, 7}});
    out.push_back({{dtype, 1, 128, 80}, 40, {50, 1}});
    out.push_back({{dtype, 2, 33, 17}, 14, {97}});
    out.push_back({{dtype, 1, 32, 32}, 3, {140}, 2.5f, 0, false, false});
    for (const uint32_t window : {1u, 20u, 32u, 33u, 71u})
      out.push_back({{dtype, 1, 32, 32}, 3, {140, 40}, 0, window, false, false});
    out.push_back({{dtype, 2, 32, 16}, 4, {70, 33}, 0, 0, true, false});
    out.push_back({{dtype, 2, 32, 16}, 4, {70, 1}, 0, 0, false, true});
    out.push_back({{dtype, 1, 32, 16}, 6, {111}, 3, 37, true, true});
    out.push_back({{dtype, 1, 80, 64, true}, 5, {75, 1}});
    out.push_back({{dtype, 2, 41, 25, true}, 6, {40}, 0, 20, false, true});
  }
  return out;
}

struct Operands {
  std::vector<std::vector<float>> k, v, q;  // of each sequence: [position][...]
};

Operands operands(const Case& c) {
  Operands out;
  for (size_t s = 0; s < c.lengths.size(); ++s) {
    const uint64_t seed = 1000 + 10 * s;
    const uint64_t n = c.lengths[s];
    out.k.push_back(random_floats(seed, n * c.shape.kv_heads * c.shape.key_dim));
    out.v.push_back(random_floats(seed + 1, n * c.shape.kv_heads * c.shape.value_dim));
    if (c.shape.value_in_key) {
      for (uint64_t head = 0; head < n * c.shape.kv_heads; ++head)
        std::copy_n(out.k.back().begin() + static_cast<std::ptrdiff_t>(head * c.shape.key_dim),
                    c.shape.value_dim,
                    out.v.back().begin() + static_cast<std::ptrdiff_t>(head * c.shape.value_dim));
    }
    out.q.push_back(random_floats(seed + 2, n * c.heads * c.shape.key_dim));
  }
  return out;
}

// One row of a batch.
struct Row {
  uint32_t sequence, position;
};
// A row that is none.
constexpr Row kPadding{~0u, 0};

class Memory {
 public:
  // Pages in an order drawn by `seed` out of more than are needed. All positions stand `base` pages farther
  // on than rows say; there are no pages below.
  Memory(Rig& rig, const Case& c, uint64_t seed, uint32_t base = 0) : rig_(rig), case_(c), base_(base) {
    uint32_t each = 0;
    for (const uint32_t length : c.lengths) each = std::max(each, length / kPageTokens + 1);
    const auto used = static_cast<uint32_t>(c.lengths.size()) * each;
    std::vector<uint32_t> order(used + 5);
    std::iota(order.begin(), order.end(), 0u);
    for (uint32_t i = static_cast<uint32_t>(order.size()) - 1; i > 0; --i)
      std::swap(order[i], order[random_below(seed, i, i + 1)]);
    pages_max_ = base + each;
    std::vector<uint32_t> tables(c.lengths.size() * pages_max_, kNoPage);
    for (uint32_t i = 0; i < used; ++i) tables[size_t{i / each} * pages_max_ + base + i % each] = order[i];
    tables_ = std::move(tables);
    pages_.shape = c.shape;
    pages_.buffer = rig.space(order.size() * rig.device().sizer().kv_page_bytes(c.shape));
    rig.stream().fill(pages_.buffer, std::byte{0xff});  // NaN in every float type, and in the scales of q8_0
  }

  void write(const Operands& o, const std::vector<Row>& rows) {
    const KvShape& s = case_.shape;
    const auto count = static_cast<uint32_t>(rows.size());
    rig_.stream().kv_write(
        {pages_, kv_rows(rows),
         rig_.put_mat(gather(o.k, rows, s.kv_heads * s.key_dim), count, s.kv_heads * s.key_dim),
         rig_.put_mat(gather(o.v, rows, s.kv_heads * s.value_dim), count, s.kv_heads * s.value_dim)});
    rig_.stream().sync();
  }

  std::vector<float> attend(const Operands& o, const std::vector<Row>& rows, bool causal = true) {
    const KvShape& s = case_.shape;
    const auto count = static_cast<uint32_t>(rows.size());
    device::AttentionArgs args;
    args.pages = pages_;
    args.rows = kv_rows(rows);
    args.q = rig_.put_mat(gather(o.q, rows, case_.heads * s.key_dim), count, case_.heads * s.key_dim,
                          case_.heads * s.key_dim + 3);
    args.heads = case_.heads;
    args.scale = 1.0f / std::sqrt(static_cast<float>(s.key_dim));
    args.out = rig_.space_mat(count, case_.heads * s.value_dim, case_.heads * s.value_dim + 5);
    args.scratch = rig_.space(rig_.device().sizer().attention_scratch_bytes(s, case_.heads, count));
    args.causal = causal;
    args.cap = case_.cap;
    args.window = case_.window;
    std::vector<float> slopes, sinks;
    for (uint32_t h = 0; h < case_.heads; ++h) {
      slopes.push_back(slope_of(h));
      sinks.push_back(sink_of(h));
    }
    if (case_.slopes) args.slopes = rig_.put(slopes);
    if (case_.sinks) args.sinks = rig_.put(sinks);
    rig_.stream().attention(args);
    return rig_.get(args.out);
  }

 private:
  device::Rows kv_rows(const std::vector<Row>& rows) {
    std::vector<int32_t> positions, sequences;
    for (const Row& row : rows) {
      positions.push_back(static_cast<int32_t>(base_ * kPageTokens + row.position));
      sequences.push_back(static_cast<int32_t>(row.sequence));
    }
    return rig_.put_rows(positions, sequences, tables_, pages_max_);
  }
  static std::vector<float> gather(const std::vector<std::vector<float>>& of, const std::vector<Row>& rows,
                                   uint32_t width) {
    std::vector<float> out;
    for (const Row& row : rows) {
      if (row.sequence == kPadding.sequence) {
        out.insert(out.end(), width, std::numeric_limits<float>::quiet_NaN());
        continue;
      }
      const auto from = of[row.sequence].begin() + std::ptrdiff_t{row.position} * width;
      out.insert(out.end(), from, from + width);
    }
    return out;
  }

  Rig& rig_;
  const Case& case_;
  device::KvPages pages_;
  std::vector<uint32_t> tables_;
  const uint32_t base_;
  uint32_t pages_max_ = 0;
};

std::vector<Row> all_rows(const Case& c) {
  std::vector<Row> out;
  for (uint32_t s = 0; s < c.lengths.size(); ++s) {
    for (uint32_t p = 0; p < c.lengths[s]; ++p) out.push_back({s, p});
  }
  return out;
}

std::vector<Row> last_rows(const Case& c) {
  std::vector<Row> out;
  for (uint32_t s = 0; s < c.lengths.size(); ++s) out.push_back({s, c.lengths[s] - 1});
  return out;
}

// What the formula gives a row: all its heads.
std::vector<double> attended(const Case& c, const Operands& o, const Row& row, bool causal) {
  const KvShape& s = c.shape;
  const auto& k = o.k[row.sequence];
  const auto& v = o.v[row.sequence];
  const auto& q = o.q[row.sequence];
  const uint32_t n = causal ? row.position + 1 : c.lengths[row.sequence];
  const auto distance = [&](uint32_t p) { return std::max(p, row.position) - std::min(p, row.position); };
  const auto seen = [&](uint32_t p) { return c.window == 0 || distance(p) < c.window; };
  std::vector<double> out;
  for (uint32_t h = 0; h < c.heads; ++h) {
    const uint32_t kv = h / (c.heads / s.kv_heads);
    std::vector<double> weight(n);
    double greatest = -1e300, total = 0;
    for (uint32_t p = 0; p < n; ++p) {
      if (!seen(p)) continue;
      for (uint32_t d = 0; d < s.key_dim; ++d)
        weight[p] += double{q[(uint64_t{row.position} * c.heads + h) * s.key_dim + d]} *
                     double{k[(uint64_t{p} * s.kv_heads + kv) * s.key_dim + d]};
      weight[p] /= std::sqrt(static_cast<double>(s.key_dim));
      if (c.cap != 0) weight[p] = double{c.cap} * std::tanh(weight[p] / double{c.cap});
      if (c.slopes) weight[p] -= double{slope_of(h)} * distance(p);
      greatest = std::max(greatest, weight[p]);
    }
    for (uint32_t p = 0; p < n; ++p) total += weight[p] = seen(p) ? std::exp(weight[p] - greatest) : 0;
    if (c.sinks) total += std::exp(double{sink_of(h)} - greatest);
    for (uint32_t d = 0; d < s.value_dim; ++d) {
      double sum = 0;
      for (uint32_t p = 0; p < n; ++p)
        sum += weight[p] / total * double{v[(uint64_t{p} * s.kv_heads + kv) * s.value_dim + d]};
      out.push_back(sum);
    }
  }
  return out;
}

// What a page keeps of a value: nothing lost, eleven bits, or steps of a 127th of the block's greatest.
double kept_error(Dtype dtype) { return dtype == Dtype::kF32 ? 1e-5 : dtype == Dtype::kF16 ? 3e-3 : 4e-2; }

TEST(AttentionFormula, ScalarIsSoftmaxOfScores) {
  for (const Case& c : cases()) {
    const Operands o = operands(c);
    Rig rig(open_scalar(), uint64_t{16} << 20);
    Memory memory(rig, c, 3);
    const std::vector<Row> rows = all_rows(c);
    memory.write(o, rows);
    for (const bool causal : {true, false}) {
      const std::vector<float> got = memory.attend(o, rows, causal);
      const size_t width = uint64_t{c.heads} * c.shape.value_dim;
      for (size_t r = 0; r < rows.size(); ++r) {
        const std::vector<double> want = attended(c, o, rows[r], causal);
        const std::vector<float>& v = o.v[rows[r].sequence];
        const double size = std::abs(double{*std::max_element(
            v.begin(), v.end(), [](float a, float b) { return std::abs(a) < std::abs(b); })});
        for (size_t i = 0; i < width; ++i)
          ASSERT_NEAR(got[r * width + i], want[i], kept_error(c.shape.dtype) * (size + 1))
              << "row " << r << " value " << i << (causal ? "" : ", not causal");
      }
    }
  }
}

class Attention : public ::testing::TestWithParam<Subject> {
 protected:
  // Why the device does not offer pages of that type; empty: it does.
  static std::string missing(Dtype dtype) {
    using enum device::Operation;
    return refusal(GetParam(), {kKvWrite, kAttention}, dtype);
  }
  static bool offers(const Case& c) { return missing(c.shape.dtype).empty(); }
};

TEST_P(Attention, EqualsScalar) {
  for (const Case& c : cases()) {
    if (!offers(c)) continue;
    const Operands o = operands(c);
    Rig truth(open_scalar()), rig(open(GetParam()));
    Memory truth_memory(truth, c, 3), memory(rig, c, 4);
    const std::vector<Row> rows = all_rows(c);
    truth_memory.write(o, rows);
    memory.write(o, rows);
    const std::vector<float> want = truth_memory.attend(o, rows);
    const std::vector<float> size(want.size(), 4.0f);
    EXPECT_EQ(difference_within(memory.attend(o, rows), want, size, GetParam().error_max), "");
  }
}

// Contracts E1 and E5: whatever the batch, the slices and the places of the pages; beyond its own position a
// row reads nothing, so poison there does not show.
TEST_P(Attention, ARowDoesNotKnowItsBatch) {
  for (const Case& c : cases()) {
    if (!offers(c)) continue;
    const Operands o = operands(c);
    const std::vector<Row> rows = all_rows(c), last = last_rows(c);
    Rig rig(open(GetParam()));
    Memory whole_memory(rig, c, 5);
    whole_memory.write(o, rows);
    const std::vector<float> whole = whole_memory.attend(o, rows);
    const size_t width = uint64_t{c.heads} * c.shape.value_dim;
    for (const uint32_t slice : {1u, 7u, 40u}) {
      Rig slice_rig(open(GetParam()), uint64_t{24} << 20);
      Memory memory(slice_rig, c, 6 + slice);
      for (size_t first = 0; first < rows.size(); first += slice) {
        const size_t end = std::min(rows.size(), first + slice);
        const std::vector<Row> part(rows.begin() + static_cast<std::ptrdiff_t>(first),
                                    rows.begin() + static_cast<std::ptrdiff_t>(end));
        memory.write(o, part);
        EXPECT_EQ(
            difference(memory.attend(o, part), std::span(whole).subspan(first * width, part.size() * width)),
            "");
      }
      const std::vector<float> decode = memory.attend(o, last);  // one row of each sequence
      size_t row = 0;
      for (size_t s = 0; s < last.size(); ++s) {
        row += c.lengths[s];
        EXPECT_EQ(difference(std::span(decode).subspan(s * width, width),
                             std::span(whole).subspan((row - 1) * width, width)),
                  "");
      }
    }
  }
}

// Rows that are none are neither written nor read, and what stands in their place stays.
TEST_P(Attention, PaddingIsLeftOut) {
  for (const Case& c : cases()) {
    if (!offers(c)) continue;
    const Operands o = operands(c);
    const std::vector<Row> rows = last_rows(c);
    Rig rig(open(GetParam()), uint64_t{16} << 20);
    Memory plain(rig, c, 8), padded(rig, c, 9);
    std::vector<Row> more = all_rows(c);
    plain.write(o, more);
    more.insert(more.begin() + 1, kPadding);
    more.insert(more.end(), 40, kPadding);
    padded.write(o, more);
    std::vector<Row> few = rows;
    few.insert(few.end(), 3, kPadding);
    for (const bool causal : {true, false}) {
      const std::vector<float> want = plain.attend(o, rows, causal);
      const std::vector<float> got = padded.attend(o, few, causal);
      EXPECT_EQ(difference(std::span(got).first(want.size()), want), "");
      for (size_t i = want.size(); i < got.size(); ++i) ASSERT_TRUE(std::isnan(got[i]));  // poison, as it was
    }
  }
}

// Not causal: a row sees what its run reaches, whatever rows it comes with.
TEST_P(Attention, NotCausalEqualsScalar) {
  for (const Case& c : cases()) {
    if (!offers(c)) continue;
    const Operands o = operands(c);
    Rig truth(open_scalar()), rig(open(GetParam()));
    Memory truth_memory(truth, c, 3), memory(rig, c, 4);
    truth_memory.write(o, all_rows(c));
    memory.write(o, all_rows(c));
    const std::vector<float> want = truth_memory.attend(o, all_rows(c), false);
    const std::vector<float> size(want.size(), 4.0f);
    EXPECT_EQ(difference_within(memory.attend(o, all_rows(c), false), want, size, GetParam().error_max), "");
    // A sequence's last row sees the same either way.
    EXPECT_EQ(difference(memory.attend(o, last_rows(c), false), memory.attend(o, last_rows(c))), "");
  }
}

// What lies wholly below every row's window may be gone: those pages were never written here.
TEST_P(Attention, PagesBelowTheWindowAreNotRead) {
  if (const std::string why = missing(Dtype::kF16); !why.empty()) GTEST_SKIP() << why;
  Case c{{Dtype::kF16, 1, 16, 16}, 2, {200}};
  c.window = 50;
  const Operands o = operands(c);
  const std::vector<Row> rows = all_rows(c), late(rows.begin() + 150, rows.end());
  Rig rig(open(GetParam()));
  Memory whole(rig, c, 1), part(rig, c, 2);
  whole.write(o, rows);
  part.write(o, {rows.begin() + 96, rows.end()});  // 150 - 49 = 101 stands on the page from 96 on
  EXPECT_EQ(difference(part.attend(o, late), whole.attend(o, late)), "");
}

// What a row sees of a window depends on distances alone, also where positions are no exact floats.
TEST_P(Attention, FarPositionsAreAsExactAsNearOnes) {
  if (const std::string why = missing(Dtype::kF16); !why.empty()) GTEST_SKIP() << why;
  constexpr uint32_t kFar = (1u << 24) / kPageTokens;
  Case c{{Dtype::kF16, 1, 32, 16}, 4, {100}};
  c.window = 40;
  c.slopes = true;
  const Operands o = operands(c);
  const std::vector<Row> rows = all_rows(c), late(rows.begin() + c.window, rows.end());
  Rig rig(open(GetParam()), uint64_t{24} << 20);
  Memory near(rig, c, 1), far(rig, c, 1, kFar);
  near.write(o, rows);
  far.write(o, rows);
  EXPECT_EQ(difference(far.attend(o, late), near.attend(o, late)), "");
}

// Where nothing is lost twice, values read out of K are the values that V would hold.
TEST_P(Attention, ValuesInKeysAreTheSame) {
  for (const Dtype dtype : {Dtype::kF32, Dtype::kF16}) {
    const Case once{{dtype, 1, 48, 40, true}, 4, {90, 3}};
    if (!offers(once)) continue;
    Case twice = once;
    twice.shape.value_in_key = false;
    const Operands o = operands(once);
    Rig rig(open(GetParam()));
    EXPECT_LT(rig.device().sizer().kv_page_bytes(once.shape),
              rig.device().sizer().kv_page_bytes(twice.shape));
    Memory in_keys(rig, once, 1), apart(rig, twice, 2);
    in_keys.write(o, all_rows(once));
    apart.write(o, all_rows(once));
    EXPECT_EQ(difference(in_keys.attend(o, all_rows(once)), apart.attend(o, all_rows(once))), "");
  }
}

// Sections of 1,024 positions, with and without windows that begin inside of one, sinks and slopes.
TEST_P(Attention, LongContextsEqualScalarAndKnowNoBatch) {
  for (const Dtype dtype : {Dtype::kF16, Dtype::kQ8_0}) {
    std::vector<Case> long_cases = {{{dtype, 1, 32, 48}, 3, {2100, 1030}},
                                    {{dtype, 1, 32, 16}, 2, {2100}, 0, 1100, true, true},
                                    {{dtype, 1, 40, 32, true}, 2, {1025}, 0, 0, false, true}};
    for (const Case& c : long_cases) {
      if (!offers(c)) continue;
      const Operands o = operands(c);
      std::vector<Row> late;  // a few rows on either side of each border, and the last ones
      for (const Row& row : all_rows(c)) {
        const uint32_t length = c.lengths[row.sequence], in_section = row.position % 1024;
        if (in_section < 2 || in_section > 1020 || row.position + 3 > length) late.push_back(row);
      }
      Rig truth(open_scalar(), uint64_t{24} << 20), rig(open(GetParam()), uint64_t{24} << 20);
      Memory truth_memory(truth, c, 3), memory(rig, c, 4);
      truth_memory.write(o, all_rows(c));
      memory.write(o, all_rows(c));
      const std::vector<float> want = truth_memory.attend(o, late), got = memory.attend(o, late);
      const std::vector<float> size(want.size(), 4.0f);
      EXPECT_EQ(difference_within(got, want, size, GetParam().error_max), "");
      const size_t width = uint64_t{c.heads} * c.shape.value_dim;
      for (size_t i = 0; i < late.size(); i += 3)
        EXPECT_EQ(difference(memory.attend(o, {late[i]}), std::span(got).subspan(i * width, width)), "");
    }
  }
}

TEST_P(Attention, LargeScoresDoNotOverflow) {
  if (const std::string why = missing(Dtype::kF32); !why.empty()) GTEST_SKIP() << why;
  const Case c{{Dtype::kF32, 1, 16, 16}, 1, {70}};
  Operands o = operands(c);
  for (float& q : o.q[0]) q *= 1e4f;
  Rig rig(open(GetParam()));
  Memory memory(rig, c, 1);
  memory.write(o, all_rows(c));
  for (const float value : memory.attend(o, all_rows(c))) ASSERT_TRUE(std::isfinite(value));
}

INSTANTIATE_TEST_SUITE_P(Devices, Attention, ::testing::ValuesIn(subjects()),
                         [](const auto& tested) { return name_of(tested.param); });

}  // namespace
}  // namespace gantry::conformance
