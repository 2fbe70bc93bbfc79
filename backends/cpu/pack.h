// Weights from GGUF's rows into tiles and back, one tile at a time. The packed form loses nothing: unpack_row
// gives the very bytes that were packed (of TQ1_0, where several bytes may mean the same, the ones an encoder
// writes). Pure functions; any thread. See layout.h for the form.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "backends/cpu/layout.h"
#include "device/sizer.h"

namespace gantry::cpu {

// How a type's linear layer wants its activations.
struct PackFacts {
  bool quantized;  // else float32 as they are
  SumsKind sums;
  int32_t zero;
  bool operator==(const PackFacts&) const = default;
};
bool is_packed(quant::Dtype dtype);  // whether there is a linear layer for the type
// Error kUnsupported where there is none.
PackFacts pack_facts(quant::Dtype dtype);
uint32_t tile_count(uint32_t rows);
uint64_t tile_bytes(quant::Dtype dtype, uint32_t cols);  // a multiple of a line

// Tile `tile` of a weight. `rows`: all of the weight's rows as GGUF stores them. Every byte of `to` is
// written.
void pack_tile(const device::WeightShape& shape, std::span<const std::byte> rows, uint32_t tile, uint8_t* to);

// The values of row `row` as quant::decode_row gives them, times `scale`. `packed`: the whole weight.
void decode_packed_row(const device::WeightShape& shape, const uint8_t* packed, uint32_t row, float scale,
                       float* out);
// The row's bytes as GGUF stores them.
void unpack_row(const device::WeightShape& shape, const uint8_t* packed, uint32_t row,
                std::span<std::byte> out);

}  // namespace gantry::cpu
