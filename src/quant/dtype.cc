#include "quant/dtype.h"

#include <algorithm>
#include <array>
#include <string>

#include <fmt/format.h>

#include "base/check.h"
#include "base/error.h"
#include "quant/blocks.h"
#include "quant/rows.h"

namespace gantry::quant {
namespace {

constexpr std::array kTable = {
    DtypeFacts{Dtype::kF32, "F32", 1, 4, true, true},
    DtypeFacts{Dtype::kF16, "F16", 1, 2, true, true},
    DtypeFacts{Dtype::kQ4_0, "Q4_0", kBlockValues, sizeof(BlockQ4_0), true, true},
    DtypeFacts{Dtype::kQ4_1, "Q4_1", kBlockValues, sizeof(BlockQ4_1), true, true},
    DtypeFacts{Dtype::kQ5_0, "Q5_0", kBlockValues, sizeof(BlockQ5_0), true, true},
    DtypeFacts{Dtype::kQ5_1, "Q5_1", kBlockValues, sizeof(BlockQ5_1), true, true},
    DtypeFacts{Dtype::kQ8_0, "Q8_0", kBlockValues, sizeof(BlockQ8_0), true, true},
    DtypeFacts{Dtype::kQ2_K, "Q2_K", kSuperBlockValues, sizeof(BlockQ2_K), true, true},
    DtypeFacts{Dtype::kQ3_K, "Q3_K", kSuperBlockValues, sizeof(BlockQ3_K), true, true},
    DtypeFacts{Dtype::kQ4_K, "Q4_K", kSuperBlockValues, sizeof(BlockQ4_K), true, true},
    DtypeFacts{Dtype::kQ5_K, "Q5_K", kSuperBlockValues, sizeof(BlockQ5_K), true, true},
    DtypeFacts{Dtype::kQ6_K, "Q6_K", kSuperBlockValues, sizeof(BlockQ6_K), true, true},
    DtypeFacts{Dtype::kIQ4_NL, "IQ4_NL", kBlockValues, sizeof(BlockIQ4_NL), true, true},
    DtypeFacts{Dtype::kIQ4_XS, "IQ4_XS", kSuperBlockValues, sizeof(BlockIQ4_XS), true, true},
    DtypeFacts{Dtype::kI8, "I8", 1, 1, false, false},
    DtypeFacts{Dtype::kI16, "I16", 1, 2, false, false},
    DtypeFacts{Dtype::kI32, "I32", 1, 4, false, false},
    DtypeFacts{Dtype::kI64, "I64", 1, 8, false, false},
    DtypeFacts{Dtype::kF64, "F64", 1, 8, false, false},
    DtypeFacts{Dtype::kBF16, "BF16", 1, 2, true, true},
    DtypeFacts{Dtype::kTQ1_0, "TQ1_0", kSuperBlockValues, sizeof(BlockTQ1_0), true, true},
    DtypeFacts{Dtype::kTQ2_0, "TQ2_0", kSuperBlockValues, sizeof(BlockTQ2_0), true, true},
    DtypeFacts{Dtype::kMXFP4, "MXFP4", kBlockValues, sizeof(BlockMXFP4), true, true},
    DtypeFacts{Dtype::kNVFP4, "NVFP4", kBlockValuesNvfp4, sizeof(BlockNVFP4), true, true},
    DtypeFacts{Dtype::kQ1_0, "Q1_0", kBlockValuesQ1_0, sizeof(BlockQ1_0), true, true},
    DtypeFacts{Dtype::kQ2_0, "Q2_0", kBlockValuesQ2_0, sizeof(BlockQ2_0), true, true},
};

// Ids that GGUF has given a meaning and this build cannot decode; some have been withdrawn since.
struct NamedId {
  uint32_t id;
  std::string_view name;
};
constexpr std::array kOtherIds = {
    NamedId{4, "Q4_2 (withdrawn)"},
    NamedId{5, "Q4_3 (withdrawn)"},
    NamedId{9, "Q8_1"},
    NamedId{15, "Q8_K"},
    NamedId{16, "IQ2_XXS"},
    NamedId{17, "IQ2_XS"},
    NamedId{18, "IQ3_XXS"},
    NamedId{19, "IQ1_S"},
    NamedId{21, "IQ3_S"},
    NamedId{22, "IQ2_S"},
    NamedId{29, "IQ1_M"},
    NamedId{31, "Q4_0_4_4 (withdrawn)"},
    NamedId{32, "Q4_0_4_8 (withdrawn)"},
    NamedId{33, "Q4_0_8_8 (withdrawn)"},
    NamedId{36, "IQ4_NL_4_4 (withdrawn)"},
    NamedId{37, "IQ4_NL_4_8 (withdrawn)"},
    NamedId{38, "IQ4_NL_8_8 (withdrawn)"},
};

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

std::span<const DtypeFacts> dtype_table() { return kTable; }

const DtypeFacts& facts(Dtype dtype) {
  const DtypeFacts* found = find_dtype(static_cast<uint32_t>(dtype));
  GANTRY_CHECK(found != nullptr);
  return *found;
}

const DtypeFacts* find_dtype(uint32_t gguf_id) {
  for (const DtypeFacts& row : kTable)
    if (static_cast<uint32_t>(row.dtype) == gguf_id) return &row;
  return nullptr;
}

const DtypeFacts* find_dtype(std::string_view name) {
  for (const DtypeFacts& row : kTable)
    if (same_name(row.name, name)) return &row;
  return nullptr;
}

std::string name_of_unsupported(uint32_t gguf_id) {
  for (const NamedId& row : kOtherIds)
    if (row.id == gguf_id) return std::string(row.name);
  if (const DtypeFacts* known = find_dtype(gguf_id)) return known->name;
  return fmt::format("type {}", gguf_id);
}

uint64_t row_bytes(Dtype dtype, uint64_t values) {
  const DtypeFacts& row = facts(dtype);
  GANTRY_CHECK_EQ(values % row.block_values, 0u);
  return values / row.block_values * row.block_bytes;
}

void decode_row(Dtype dtype, std::span<const std::byte> src, std::span<float> dst) {
  GANTRY_CHECK_EQ(src.size(), row_bytes(dtype, dst.size()));
  switch (dtype) {
    case Dtype::kF32:
      return decode_f32(src, dst);
    case Dtype::kF16:
      return decode_f16(src, dst);
    case Dtype::kBF16:
      return decode_bf16(src, dst);
    case Dtype::kQ4_0:
      return decode_q4_0(src, dst);
    case Dtype::kQ4_1:
      return decode_q4_1(src, dst);
    case Dtype::kQ5_0:
      return decode_q5_0(src, dst);
    case Dtype::kQ5_1:
      return decode_q5_1(src, dst);
    case Dtype::kQ8_0:
      return decode_q8_0(src, dst);
    case Dtype::kQ2_K:
      return decode_q2_k(src, dst);
    case Dtype::kQ3_K:
      return decode_q3_k(src, dst);
    case Dtype::kQ4_K:
      return decode_q4_k(src, dst);
    case Dtype::kQ5_K:
      return decode_q5_k(src, dst);
    case Dtype::kQ6_K:
      return decode_q6_k(src, dst);
    case Dtype::kIQ4_NL:
      return decode_iq4_nl(src, dst);
    case Dtype::kIQ4_XS:
      return decode_iq4_xs(src, dst);
    case Dtype::kTQ1_0:
      return decode_tq1_0(src, dst);
    case Dtype::kTQ2_0:
      return decode_tq2_0(src, dst);
    case Dtype::kMXFP4:
      return decode_mxfp4(src, dst);
    case Dtype::kNVFP4:
      return decode_nvfp4(src, dst);
    case Dtype::kQ1_0:
      return decode_q1_0(src, dst);
    case Dtype::kQ2_0:
      return decode_q2_0(src, dst);
    case Dtype::kI8:
    case Dtype::kI16:
    case Dtype::kI32:
    case Dtype::kI64:
    case Dtype::kF64:
      throw Error(ErrorCode::kUnsupported, fmt::format("{} is not a type of weights", facts(dtype).name));
  }
}

bool can_encode(Dtype dtype) { return facts(dtype).is_coded; }

void encode_row(Dtype dtype, std::span<const float> src, std::span<std::byte> dst) {
  GANTRY_CHECK_EQ(dst.size(), row_bytes(dtype, src.size()));
  if (facts(dtype).block_values > 1) refuse_what_no_block_can_hold(dtype, src);
  switch (dtype) {
    case Dtype::kF32:
      return encode_f32(src, dst);
    case Dtype::kF16:
      return encode_f16(src, dst);
    case Dtype::kBF16:
      return encode_bf16(src, dst);
    case Dtype::kQ4_0:
      return encode_q4_0(src, dst);
    case Dtype::kQ4_1:
      return encode_q4_1(src, dst);
    case Dtype::kQ5_0:
      return encode_q5_0(src, dst);
    case Dtype::kQ5_1:
      return encode_q5_1(src, dst);
    case Dtype::kQ8_0:
      return encode_q8_0(src, dst);
    case Dtype::kQ2_K:
      return encode_q2_k(src, dst);
    case Dtype::kQ3_K:
      return encode_q3_k(src, dst);
    case Dtype::kQ4_K:
      return encode_q4_k(src, dst);
    case Dtype::kQ5_K:
      return encode_q5_k(src, dst);
    case Dtype::kQ6_K:
      return encode_q6_k(src, dst);
    case Dtype::kIQ4_NL:
      return encode_iq4_nl(src, dst);
    case Dtype::kIQ4_XS:
      return encode_iq4_xs(src, dst);
    case Dtype::kTQ1_0:
      return encode_tq1_0(src, dst);
    case Dtype::kTQ2_0:
      return encode_tq2_0(src, dst);
    case Dtype::kMXFP4:
      return encode_mxfp4(src, dst);
    case Dtype::kNVFP4:
      return encode_nvfp4(src, dst);
    case Dtype::kQ1_0:
      return encode_q1_0(src, dst);
    case Dtype::kQ2_0:
      return encode_q2_0(src, dst);
    case Dtype::kI8:
    case Dtype::kI16:
    case Dtype::kI32:
    case Dtype::kI64:
    case Dtype::kF64:
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("{} is not a type that weights can be turned into", facts(dtype).name));
  }
}

}  // namespace gantry::quant
