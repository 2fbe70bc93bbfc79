// The element types of tensors: GGUF's ids, their blocks, and the scalar truth of decoding and encoding them.
//
// A row is a run of values along a tensor's first (fastest) dimension; it is a whole number of blocks. Source
// of ids and layouts: the GGUF specification and the reference decoder's behaviour (bit-exact test:
// quant/decode_test.cc).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace gantry::quant {

// The values are GGUF's type ids.
enum class Dtype : uint8_t {
  kF32 = 0,
  kF16 = 1,
  kQ4_0 = 2,
  kQ4_1 = 3,
  kQ5_0 = 6,
  kQ5_1 = 7,
  kQ8_0 = 8,
  kQ2_K = 10,
  kQ3_K = 11,
  kQ4_K = 12,
  kQ5_K = 13,
  kQ6_K = 14,
  kIQ4_NL = 20,
  kIQ4_XS = 23,
  kI8 = 24,
  kI16 = 25,
  kI32 = 26,
  kI64 = 27,
  kF64 = 28,
  kBF16 = 30,
  kTQ1_0 = 34,
  kTQ2_0 = 35,
  kMXFP4 = 39,
  kNVFP4 = 40,
  kQ1_0 = 41,
  kQ2_0 = 42,
};

struct DtypeFacts {
  Dtype dtype;
  const char* name;       // "Q4_K"
  uint32_t block_values;  // values in one block
  uint32_t block_bytes;   // bytes of one block
  bool is_coded;          // decode_row and encode_row take it: it holds numbers that weights can be made of
  bool is_weight;         // every backend computes with it: it may stand in a linear layer or an embedding.
                          // A type that is_coded only can be read, made and stored, not run.
};

std::span<const DtypeFacts> dtype_table();
const DtypeFacts& facts(Dtype dtype);
// By GGUF id or by name (either case); nullptr when unknown to this build.
const DtypeFacts* find_dtype(uint32_t gguf_id);
const DtypeFacts* find_dtype(std::string_view name);
// The name GGUF gives an id that this build cannot decode ("IQ2_XXS"), "type 77" for one nobody defined.
std::string name_of_unsupported(uint32_t gguf_id);

// Bytes of a row of `values` values; `values` must be a whole number of blocks.
uint64_t row_bytes(Dtype dtype, uint64_t values);

// src.size() == row_bytes(dtype, dst.size()). A type that is not coded: Error kUnsupported.
void decode_row(Dtype dtype, std::span<const std::byte> src, std::span<float> dst);
// The types Gantry can make (others: Error kUnsupported). dst.size() == row_bytes(dtype, src.size()). The
// block types search their scales for the least sum of squared errors; a value that is not finite or beyond
// largest_in_block has no block: Error kBadFile naming its place in the row.
bool can_encode(Dtype dtype);
// What the type's scale carries: 65504 for a binary16 scale, 2688 for NVFP4's eight bits, about 2.5e38 for
// MXFP4. Infinity for types without blocks.
float largest_in_block(Dtype dtype);
void encode_row(Dtype dtype, std::span<const float> src, std::span<std::byte> dst);

}  // namespace gantry::quant
