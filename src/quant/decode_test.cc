// Decoding equals the reference bit for bit; encoding loses no more than the reference's encoder.
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.h"
#include "quant/blocks.h"
#include "quant/dtype.h"
#include "tests/shared_data.h"

namespace gantry::quant {
namespace {

constexpr size_t kRow = 1024;  // values in a row of the shared data

struct Case {
  const char* file;
  Dtype dtype;
};
constexpr Case kCases[] = {
    {"f16", Dtype::kF16},       {"bf16", Dtype::kBF16},     {"q4_0", Dtype::kQ4_0},
    {"q4_1", Dtype::kQ4_1},     {"q5_0", Dtype::kQ5_0},     {"q5_1", Dtype::kQ5_1},
    {"q8_0", Dtype::kQ8_0},     {"q2_K", Dtype::kQ2_K},     {"q3_K", Dtype::kQ3_K},
    {"q4_K", Dtype::kQ4_K},     {"q5_K", Dtype::kQ5_K},     {"q6_K", Dtype::kQ6_K},
    {"iq4_nl", Dtype::kIQ4_NL}, {"iq4_xs", Dtype::kIQ4_XS}, {"tq1_0", Dtype::kTQ1_0},
    {"tq2_0", Dtype::kTQ2_0},   {"mxfp4", Dtype::kMXFP4},   {"nvfp4", Dtype::kNVFP4},
    {"q1_0", Dtype::kQ1_0},     {"q2_0", Dtype::kQ2_0},
};

std::string data_path(const std::string& name) {
  return testing::shared_path("conformance/quant-blocks/" + name);
}

std::vector<float> read_floats(const std::string& name) {
  const std::string bytes = testing::read_bytes(data_path(name));
  std::vector<float> out(bytes.size() / 4);
  std::memcpy(out.data(), bytes.data(), out.size() * 4);
  return out;
}

double nmse(std::span<const float> truth, std::span<const float> got) {
  double error = 0, power = 0;
  for (size_t i = 0; i < truth.size(); ++i) {
    const double difference = static_cast<double>(got[i]) - static_cast<double>(truth[i]);
    error += difference * difference;
    power += static_cast<double>(truth[i]) * static_cast<double>(truth[i]);
  }
  return error / power;
}

std::vector<float> through(Dtype dtype, std::span<const float> values, size_t row = kRow) {
  std::vector<float> out(values.size());
  std::vector<std::byte> bytes(row_bytes(dtype, row));
  for (size_t i = 0; i < values.size(); i += row) {
    encode_row(dtype, values.subspan(i, row), bytes);
    decode_row(dtype, bytes, std::span(out).subspan(i, row));
  }
  return out;
}

class Blocks : public ::testing::TestWithParam<Case> {};

TEST_P(Blocks, DecodeAsTheReferenceDoes) {
  GANTRY_NEED_SHARED("conformance/quant-blocks");
  const std::string bytes = testing::read_bytes(data_path(std::string(GetParam().file) + ".bin"));
  const std::vector<float> want = read_floats(std::string(GetParam().file) + ".f32");
  const size_t stride = row_bytes(GetParam().dtype, kRow);
  ASSERT_EQ(bytes.size() / stride * kRow, want.size());
  ASSERT_FALSE(want.empty());
  std::vector<float> got(want.size());
  for (size_t r = 0; r < want.size() / kRow; ++r)
    decode_row(GetParam().dtype, std::as_bytes(std::span(bytes)).subspan(r * stride, stride),
               std::span(got).subspan(r * kRow, kRow));
  size_t wrong = 0;
  for (size_t i = 0; i < want.size(); ++i)
    wrong += std::bit_cast<uint32_t>(want[i]) != std::bit_cast<uint32_t>(got[i]);
  EXPECT_EQ(wrong, 0u);
}

// Row by row too: ordinary values, outliers and small values each for themselves.
TEST_P(Blocks, EncodeLosesNoMoreThanTheReference) {
  GANTRY_NEED_SHARED("conformance/quant-blocks");
  const std::vector<float> source = read_floats("source.f32");
  const std::vector<float> reference = read_floats(std::string(GetParam().file) + ".f32");
  const std::vector<float> got = through(GetParam().dtype, source);
  RecordProperty("reference_nmse", std::to_string(nmse(source, reference)));
  RecordProperty("nmse", std::to_string(nmse(source, got)));
  EXPECT_LE(nmse(source, got), nmse(source, reference));
  for (size_t at = 0; at < source.size(); at += kRow) {
    const auto row = [at](const std::vector<float>& of) { return std::span(of).subspan(at, kRow); };
    EXPECT_LE(nmse(row(source), row(got)), nmse(row(source), row(reference))) << "row " << at / kRow;
  }
}

TEST_P(Blocks, ReferenceBytesSurviveDecodeAndEncodeAlmost) {
  GANTRY_NEED_SHARED("conformance/quant-blocks");
  // Values that a block can hold exactly must come back nearly exactly: the search may not settle elsewhere.
  const std::vector<float> exact = read_floats(std::string(GetParam().file) + ".f32");
  const std::vector<float> source = read_floats("source.f32");
  EXPECT_LE(nmse(exact, through(GetParam().dtype, exact)), 0.3 * nmse(source, exact));
}

INSTANTIATE_TEST_SUITE_P(Types, Blocks, ::testing::ValuesIn(kCases),
                         [](const auto& with) { return std::string(with.param.file); });

std::vector<float> noise(size_t count, uint64_t seed, float spread, float centre) {
  std::vector<float> out(count);
  uint64_t state = seed;
  for (float& value : out) {
    float sum = 0;
    for (int k = 0; k < 4; ++k) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      sum += static_cast<float>(state >> 40) * 0x1p-24f - 0.5f;
    }
    value = centre + spread * sum;
  }
  return out;
}

// What a type of so many bits owes a smooth distribution, whatever its size and place.
TEST(Encode, KeepsItsErrorAtEveryScaleAndOffset) {
  struct Bound {
    Dtype dtype;
    double nmse;
  };
  for (const Bound& bound : {Bound{Dtype::kQ4_0, 1.2e-2},
                             {Dtype::kQ4_1, 9e-3},
                             {Dtype::kQ5_0, 3e-3},
                             {Dtype::kQ5_1, 2.5e-3},
                             {Dtype::kQ8_0, 5e-5},
                             {Dtype::kQ2_K, 1e-1},
                             {Dtype::kQ3_K, 3.5e-2},
                             {Dtype::kQ4_K, 9e-3},
                             {Dtype::kQ5_K, 2.5e-3},
                             {Dtype::kQ6_K, 8e-4},
                             {Dtype::kIQ4_NL, 9e-3},
                             {Dtype::kIQ4_XS, 9e-3},
                             {Dtype::kMXFP4, 2e-2}}) {
    for (const float spread : {1e-3f, 1.0f, 1000.0f}) {
      for (const float centre : {-3.0f, 0.0f, 3.0f}) {
        const std::vector<float> values = noise(2048, 7, spread, centre * spread);
        EXPECT_LE(nmse(values, through(bound.dtype, values)), bound.nmse)
            << facts(bound.dtype).name << " spread " << spread << " centre " << centre;
      }
    }
  }
}

TEST(Encode, ZeroConstantAndTinyRowsStayFinite) {
  for (const DtypeFacts& row : dtype_table()) {
    if (!row.is_coded) continue;
    for (const float value : {0.0f, 1.0f, -1.0f, 1e-7f, -1e-12f, 1e-42f, 65504.0f, -65504.0f}) {
      if (std::abs(value) > largest_in_block(row.dtype)) continue;
      std::vector<float> values(256, value);
      const std::vector<float> got = through(row.dtype, values, 256);
      for (const float back : got) {
        ASSERT_TRUE(std::isfinite(back)) << row.name << " " << value;
        if (value == 0) {
          ASSERT_EQ(back, 0.0f) << row.name;
        }
        if (std::abs(value) >= 1) {
          ASSERT_NEAR(back / value, 1, 0.01) << row.name << " " << value;
        }
      }
    }
    std::vector<float> spike(256, 0.0f);
    spike[77] = -1e-7f;
    for (const float back : through(row.dtype, spike, 256)) ASSERT_TRUE(std::isfinite(back)) << row.name;
  }
}

TEST(Encode, RefusesWhatNoBlockHolds) {
  for (const DtypeFacts& row : dtype_table()) {
    if (!row.is_coded || row.block_values == 1) continue;
    const float above = std::nextafter(largest_in_block(row.dtype), INFINITY);
    for (const float bad : {std::nanf(""), INFINITY, -INFINITY, above, -above}) {
      std::vector<float> values(256, 1.0f);
      values[200] = bad;
      std::vector<std::byte> bytes(row_bytes(row.dtype, 256));
      try {
        encode_row(row.dtype, values, bytes);
        FAIL() << row.name << " took " << bad;
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kBadFile);
        EXPECT_NE(error.message().find("value 200"), std::string::npos) << error.what();
        EXPECT_NE(error.message().find(row.name), std::string::npos) << error.what();
      }
    }
  }
}

TEST(Encode, RandomBytesDecodeToSomething) {
  std::vector<std::byte> bytes(4096);
  uint64_t state = 5;
  for (std::byte& byte : bytes) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    byte = static_cast<std::byte>(state >> 56);
  }
  for (const DtypeFacts& row : dtype_table()) {
    if (!row.is_coded) continue;
    std::vector<float> out(512);
    decode_row(row.dtype, std::span(bytes).subspan(1, row_bytes(row.dtype, 512)),
               out);  // unaligned on purpose
    std::vector<float> again(512);
    decode_row(row.dtype, std::span(bytes).subspan(1, row_bytes(row.dtype, 512)), again);
    EXPECT_EQ(std::memcmp(out.data(), again.data(), 2048), 0) << row.name;
  }
}

TEST(Table, KnowsIdsAndNames) {
  for (const DtypeFacts& row : dtype_table()) {
    EXPECT_EQ(find_dtype(static_cast<uint32_t>(row.dtype)), &row);
    EXPECT_EQ(find_dtype(std::string_view(row.name)), &row);
    EXPECT_EQ(&facts(row.dtype), &row);
    EXPECT_EQ(row_bytes(row.dtype, row.block_values * 3), row.block_bytes * 3u);
    EXPECT_EQ(can_encode(row.dtype), row.is_coded);
    EXPECT_TRUE(row.is_coded || !row.is_weight) << row.name;
  }
  EXPECT_EQ(find_dtype("q4_k")->dtype, Dtype::kQ4_K);
  EXPECT_EQ(find_dtype("q4"), nullptr);
  EXPECT_EQ(find_dtype(16u), nullptr);
  EXPECT_EQ(name_of_unsupported(16), "IQ2_XXS");
  EXPECT_EQ(name_of_unsupported(39), "MXFP4");
  EXPECT_EQ(name_of_unsupported(12), "Q4_K");
  EXPECT_EQ(name_of_unsupported(77), "type 77");
  std::vector<float> one(1);
  std::vector<std::byte> bytes(8);
  EXPECT_THROW(decode_row(Dtype::kF64, bytes, one), Error);
  EXPECT_THROW(encode_row(Dtype::kI32, one, std::span(bytes).first(4)), Error);
}

TEST(Table, AgreesWithTheReferencesIndex) {
  GANTRY_NEED_SHARED("conformance/quant-blocks");
  std::ifstream index(data_path("index.txt"));
  std::string line;
  size_t rows = 0;
  while (std::getline(index, line)) {
    char name[32];
    unsigned id = 0, values = 0, bytes = 0;
    ASSERT_EQ(std::sscanf(line.c_str(), "%31s type_id %u block %u bytes %u", name, &id, &values, &bytes), 4)
        << line;
    ++rows;
    if (const DtypeFacts* row = find_dtype(id)) {
      EXPECT_EQ(find_dtype(std::string_view(name)), row) << line;
      EXPECT_EQ(row->block_values, values) << line;
      EXPECT_EQ(row->block_bytes, bytes) << line;
    } else {
      std::string upper(name);
      for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      EXPECT_EQ(name_of_unsupported(id), upper) << line;
    }
  }
  EXPECT_GT(rows, 20u);
}

}  // namespace
}  // namespace gantry::quant
