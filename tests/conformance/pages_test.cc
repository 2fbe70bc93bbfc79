// Pages in the canonical layout (docs/formats/pages.md): what stands in it, that every device writes the same
// bytes, and that a page which went out and came back elsewhere is the same page.
#include <algorithm>
#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

#include "base/ids.h"
#include "quant/dtype.h"
#include "tests/conformance/rig.h"

namespace gantry::conformance {
namespace {

using device::KvShape;
using quant::Dtype;

constexpr uint32_t kPages = 9, kTable = 4;        // of the pool, of the sequence
constexpr uint32_t kRows = 3 * kPageTokens + 13;  // positions written
constexpr uint32_t kHeadsPerKv = 2;

std::vector<KvShape> shapes() {
  std::vector<KvShape> out;
  for (const Dtype dtype : {Dtype::kF32, Dtype::kF16, Dtype::kQ8_0}) {
    out.push_back({dtype, 1, 4, 4});
    out.push_back({dtype, 2, 64, 64});
    out.push_back({dtype, 3, 40, 24});
    out.push_back({dtype, 2, 33, 17});
    out.push_back({dtype, 1, 96, 128});
    out.push_back({dtype, 1, 80, 64, true});
    out.push_back({dtype, 2, 41, 25, true});
  }
  return out;
}

struct Operands {
  std::vector<float> k, v, q;  // [position][head][value]
};

Operands operands(const KvShape& shape) {
  Operands o{random_floats(1, size_t{kRows} * shape.kv_heads * shape.key_dim),
             random_floats(2, size_t{kRows} * shape.kv_heads * shape.value_dim),
             random_floats(3, size_t{kRows} * shape.kv_heads * kHeadsPerKv * shape.key_dim)};
  // A block of zeros has a scale of its own kind.
  std::fill_n(o.k.begin(), std::min<uint32_t>(shape.key_dim, 32), 0.0f);
  return o;
}

// One sequence's pages, in an order drawn by `seed`.
class Memory {
 public:
  Memory(Rig& rig, const KvShape& shape, uint64_t seed) : rig_(rig), order_(kPages) {
    std::iota(order_.begin(), order_.end(), 0u);
    for (uint32_t i = kPages - 1; i > 0; --i) std::swap(order_[i], order_[random_below(seed, i, i + 1)]);
    order_.resize(kTable);
    pages_ = {rig.space(kPages * rig.device().sizer().kv_page_bytes(shape)), shape};
    poison();
    std::vector<int32_t> positions(kRows);
    std::iota(positions.begin(), positions.end(), 0);
    rows_ = rig.put_rows(positions, std::vector<int32_t>(kRows, 0), order_, kTable);
    out_ = rig.space(device::canonical_page_bytes(shape));
  }

  // NaN in every float type, and in the scales of q8_0.
  void poison() { rig_.stream().fill(pages_.buffer, std::byte{0xff}); }

  void write(const Operands& o) {
    const KvShape& s = pages_.shape;
    rig_.stream().kv_write({pages_, rows_, rig_.put_mat(o.k, kRows, s.kv_heads * s.key_dim),
                            rig_.put_mat(o.v, kRows, s.kv_heads * s.value_dim)});
    rig_.stream().sync();
  }

  std::vector<float> attend(const Operands& o) {
    const KvShape& s = pages_.shape;
    const uint32_t heads = s.kv_heads * kHeadsPerKv;
    device::AttentionArgs args;
    args.pages = pages_;
    args.rows = rows_;
    args.q = rig_.put_mat(o.q, kRows, heads * s.key_dim);
    args.heads = heads;
    args.scale = 1.0f / std::sqrt(static_cast<float>(s.key_dim));
    args.out = rig_.space_mat(kRows, heads * s.value_dim);
    args.scratch = rig_.space(rig_.device().sizer().attention_scratch_bytes(s, heads, kRows));
    rig_.stream().attention(args);
    return rig_.get(args.out);
  }

  // The sequence's page `i`; the last one is written in part.
  std::vector<std::byte> take_out(uint32_t i) {
    rig_.stream().fill(out_, std::byte{0xee});
    rig_.stream().export_page({pages_, order_[i], std::min(kPageTokens, kRows - i * kPageTokens), out_});
    std::vector<std::byte> bytes(out_.bytes);
    rig_.stream().read(bytes, out_);
    rig_.stream().sync();
    return bytes;
  }

  void put_in(uint32_t i, const std::vector<std::byte>& bytes) {
    rig_.stream().write(out_, bytes);
    rig_.stream().import_page({pages_, order_[i], out_});
    rig_.stream().sync();
  }

 private:
  Rig& rig_;
  std::vector<uint32_t> order_;
  device::KvPages pages_;
  device::Rows rows_;
  device::Buffer out_;
};

std::string label(const KvShape& s) {
  return std::string(quant::facts(s.dtype).name) + " " + std::to_string(s.kv_heads) + "x" +
         std::to_string(s.key_dim) + "/" + std::to_string(s.value_dim) + (s.value_in_key ? " in K" : "");
}

// What a page may lose of a value, as a part of the greatest in its row.
double kept_error(Dtype dtype) { return dtype == Dtype::kF32 ? 0 : dtype == Dtype::kF16 ? 5e-4 : 5e-3; }

// Every canonical row, read as GGUF's row of the type, is what was written; padding and positions that nobody
// wrote are zero.
void expect_rows(const KvShape& s, uint32_t page, const std::vector<float>& written, uint32_t dim,
                 std::span<const std::byte> bytes) {
  const uint64_t row_bytes = device::canonical_row_bytes(s.dtype, dim);
  ASSERT_EQ(bytes.size(), row_bytes * s.kv_heads * kPageTokens);
  const uint32_t block = quant::facts(s.dtype).block_values;
  std::vector<float> row((dim + block - 1) / block * block);
  for (uint32_t head = 0; head < s.kv_heads; ++head) {
    for (uint32_t p = 0; p < kPageTokens; ++p) {
      const auto stored = bytes.subspan((uint64_t{head} * kPageTokens + p) * row_bytes, row_bytes);
      const uint32_t position = page * kPageTokens + p;
      if (position >= kRows) {
        ASSERT_TRUE(std::all_of(stored.begin(), stored.end(), [](std::byte b) { return b == std::byte{0}; }));
        continue;
      }
      quant::decode_row(s.dtype, stored, row);
      const float* first = written.data() + (uint64_t{position} * s.kv_heads + head) * dim;
      double greatest = 0;
      for (uint32_t d = 0; d < dim; ++d) greatest = std::max(greatest, double{std::abs(first[d])});
      for (uint32_t d = 0; d < row.size(); ++d) {
        const float want = d < dim ? first[d] : 0.0f;
        ASSERT_NEAR(row[d], want, kept_error(s.dtype) * greatest)
            << "head " << head << " position " << position << " " << d;
      }
    }
  }
}

TEST(CanonicalPages, HoldRowsOfTheTypesOwnBlocks) {
  for (const KvShape& s : shapes()) {
    SCOPED_TRACE(label(s));
    const Operands o = operands(s);
    Rig rig(open_scalar());
    Memory memory(rig, s, 7);
    memory.write(o);
    for (uint32_t page = 0; page < kTable; ++page) {
      const auto bytes = memory.take_out(page);
      const uint64_t keys = s.kv_heads * kPageTokens * device::canonical_row_bytes(s.dtype, s.key_dim);
      expect_rows(s, page, o.k, s.key_dim, std::span(bytes).first(keys));
      if (s.value_in_key)
        EXPECT_EQ(bytes.size(), keys);
      else
        expect_rows(s, page, o.v, s.value_dim, std::span(bytes).subspan(keys));
    }
  }
}

// The example of docs/formats/pages.md.
TEST(CanonicalPages, HaveTheSizesThatTheFormatSays) {
  EXPECT_EQ(device::canonical_page_bytes({Dtype::kQ8_0, 2, 40, 24}), 6528u);
  EXPECT_EQ(device::canonical_page_bytes({Dtype::kQ8_0, 2, 40, 24, true}), 4352u);
  EXPECT_EQ(device::canonical_page_bytes({Dtype::kF16, 2, 40, 24}), 2u * 32 * 64 * 2);
  EXPECT_EQ(device::canonical_page_bytes({Dtype::kF32, 1, 1, 1}), 2u * 32 * 4);
}

class Pages : public ::testing::TestWithParam<Subject> {
 protected:
  static bool offers(const KvShape& shape) {
    using enum device::Operation;
    return refusal(GetParam(), {kKvWrite, kAttention, kExportPage, kImportPage}, shape.dtype).empty();
  }
};

TEST_P(Pages, ComeBackElsewhereAsTheSamePages) {
  for (const KvShape& s : shapes()) {
    if (!offers(s)) continue;
    SCOPED_TRACE(label(s));
    const Operands o = operands(s);
    Rig rig(open(GetParam()), uint64_t{24} << 20);
    Memory memory(rig, s, 7), other(rig, s, 8);
    memory.write(o);
    const std::vector<float> want = memory.attend(o);
    std::vector<std::vector<std::byte>> out;
    for (uint32_t page = 0; page < kTable; ++page) out.push_back(memory.take_out(page));
    memory.poison();
    for (uint32_t page = 0; page < kTable; ++page) other.put_in(page, out[page]);
    EXPECT_EQ(difference(other.attend(o), want), "");
    for (uint32_t page = 0; page < kTable; ++page) EXPECT_EQ(other.take_out(page), out[page]) << page;
  }
}

// A page of one device goes on on another: the same bytes out, the same results in.
TEST_P(Pages, AreTheScalarDevicesBytes) {
  if (GetParam().error_max != 0) GTEST_SKIP() << "its pages are near the scalar device's, not equal";
  for (const KvShape& s : shapes()) {
    if (!offers(s)) continue;
    SCOPED_TRACE(label(s));
    const Operands o = operands(s);
    Rig truth(open_scalar()), rig(open(GetParam()));
    Memory truth_memory(truth, s, 7), memory(rig, s, 8), taken_over(rig, s, 9);
    truth_memory.write(o);
    memory.write(o);
    for (uint32_t page = 0; page < kTable; ++page) {
      const auto bytes = truth_memory.take_out(page);
      EXPECT_EQ(memory.take_out(page), bytes) << page;
      taken_over.put_in(page, bytes);
    }
    EXPECT_EQ(difference(taken_over.attend(o), truth_memory.attend(o)), "");
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, Pages, ::testing::ValuesIn(subjects()),
                         [](const auto& tested) { return name_of(tested.param); });

}  // namespace
}  // namespace gantry::conformance
