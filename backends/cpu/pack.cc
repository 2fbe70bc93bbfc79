#include "backends/cpu/pack.h"

#include <algorithm>
#include <cstring>

#include "backends/cpu/layout.h"
#include "backends/cpu/pack_blocks.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/error.h"
#include "quant/half.h"

namespace gantry::cpu {
namespace {

using quant::Dtype;

// ---- Codes of a unit: 16 rows of bytes to lines and back. Words of four bytes are one row's values of one
// group.

uint32_t word(const uint8_t* at) {
  uint32_t out = 0;
  std::memcpy(&out, at, 4);
  return out;
}
void put_word(uint8_t* at, uint32_t value) { std::memcpy(at, &value, 4); }

// One row's 32 codes of one block into (or out of) the block's lines, which start as zeros.
template <typename L>
void put_codes(uint8_t* lines, uint32_t row, const uint8_t* codes) {
  uint8_t* high = lines + kLine * L::kLowBits;
  for (uint32_t g = 0; g < 8; ++g) {
    const uint32_t code = word(codes + 4 * g);
    if constexpr (L::kLowBits != 0) {
      uint8_t* low = lines + 4 * row + kLine * (L::kLowBits == 8 ? g : L::kLowBits == 4 ? g % 4 : g / 4);
      const uint32_t shift = L::kLowBits == 8 ? 0 : L::kLowBits == 4 ? 4 * (g / 4) : 2 * (g % 4);
      const uint32_t mask = L::kLowBits == 8 ? 0xffffffffu : L::kLowBits == 4 ? 0x0f0f0f0fu : 0x03030303u;
      put_word(low, word(low) | ((code & mask) << shift));
    }
    if constexpr (L::kHighBits == 1) {
      uint8_t* at = high + 4 * row;
      put_word(at, word(at) | (((code >> kHighAt<L>)&0x01010101u) << g));
    } else if constexpr (L::kHighBits == 2) {
      uint8_t* at = high + 4 * row + kLine * (g / 4);
      put_word(at, word(at) | (((code >> L::kLowBits) & 0x03030303u) << (2 * (g % 4))));
    }
  }
}

template <typename L>
void get_codes(const uint8_t* lines, uint32_t row, uint8_t* codes) {
  const uint8_t* high = lines + kLine * L::kLowBits;
  for (uint32_t g = 0; g < 8; ++g) {
    uint32_t code = 0;
    if constexpr (L::kLowBits != 0) {
      const uint8_t* low = lines + 4 * row +
                           kLine * (L::kLowBits == 8   ? g
                                    : L::kLowBits == 4 ? g % 4
                                                       : g / 4);
      const uint32_t shift = L::kLowBits == 8 ? 0 : L::kLowBits == 4 ? 4 * (g / 4) : 2 * (g % 4);
      const uint32_t mask = L::kLowBits == 8 ? 0xffffffffu : L::kLowBits == 4 ? 0x0f0f0f0fu : 0x03030303u;
      code = (word(low) >> shift) & mask;
    }
    if constexpr (L::kHighBits == 1)
      code |= ((word(high + 4 * row) >> g) & 0x01010101u) << kHighAt<L>;
    else if constexpr (L::kHighBits == 2)
      code |= ((word(high + 4 * row + kLine * (g / 4)) >> (2 * (g % 4))) & 0x03030303u) << L::kLowBits;
    put_word(codes + 4 * g, code);
  }
}

// ---- Tiles of one format. F names GGUF's block, the layout, and how one block becomes fields of a unit.

template <typename F>
void pack_tile_of(uint32_t blocks, uint32_t rows, const std::byte* first_row, uint64_t row_bytes,
                  uint8_t* to) {
  using L = typename F::Layout;
  const uint32_t per_unit = L::kUnitBlocks / F::kBlocksOf;  // GGUF blocks in a unit
  const uint32_t units = (blocks + L::kUnitBlocks - 1) / L::kUnitBlocks;
  std::memset(to, 0, uint64_t{units} * L::kUnitBytes);
  for (uint32_t row = 0; row < rows; ++row) {
    for (uint32_t i = 0; i < blocks / F::kBlocksOf; ++i) {
      typename F::Block block;
      std::memcpy(&block, first_row + row * row_bytes + uint64_t{i} * sizeof(block), sizeof(block));
      uint8_t* unit = to + uint64_t{i / per_unit} * L::kUnitBytes;
      const uint32_t at = i % per_unit * F::kBlocksOf;
      uint8_t codes[quant::kSuperBlockValues];
      F::to_fields(block, unit, at, row, codes);
      for (uint32_t b = 0; b < F::kBlocksOf; ++b)
        put_codes<L>(unit + L::kCodes + (at + b) * L::kBlockBytes, row, codes + kBlock * b);
    }
  }
}

template <typename F>
void unpack_block(const uint8_t* tile, uint32_t row, uint32_t i, std::byte* out) {
  using L = typename F::Layout;
  const uint32_t per_unit = L::kUnitBlocks / F::kBlocksOf;
  const uint8_t* unit = tile + uint64_t{i / per_unit} * L::kUnitBytes;
  const uint32_t at = i % per_unit * F::kBlocksOf;
  uint8_t codes[quant::kSuperBlockValues];
  for (uint32_t b = 0; b < F::kBlocksOf; ++b)
    get_codes<L>(unit + L::kCodes + (at + b) * L::kBlockBytes, row, codes + kBlock * b);
  typename F::Block block;
  std::memset(&block, 0, sizeof(block));
  F::from_fields(unit, at, row, codes, block);
  std::memcpy(out, &block, sizeof(block));
}

// Floats: the rows' values side by side for each k.
template <typename T>
void pack_floats(uint32_t cols, uint32_t rows, const std::byte* first_row, uint8_t* to, uint64_t bytes) {
  std::memset(to, 0, bytes);
  for (uint32_t row = 0; row < rows; ++row) {
    const std::byte* from = first_row + uint64_t{row} * cols * sizeof(T);
    for (uint32_t k = 0; k < cols; ++k)
      std::memcpy(to + (uint64_t{k} * kTileRows + row) * sizeof(T), from + uint64_t{k} * sizeof(T),
                  sizeof(T));
  }
}

template <typename T>
void unpack_floats(uint32_t cols, const uint8_t* tile, uint32_t row, std::byte* out) {
  for (uint32_t k = 0; k < cols; ++k)
    std::memcpy(out + uint64_t{k} * sizeof(T), tile + (uint64_t{k} * kTileRows + row) * sizeof(T), sizeof(T));
}

// ---- One row of this table is one type.
struct Format {
  Dtype dtype;
  uint32_t unit_blocks, unit_bytes;  // 0: floats
  PackFacts facts;
  void (*pack)(uint32_t blocks, uint32_t rows, const std::byte* first_row, uint64_t row_bytes, uint8_t* to);
  void (*unpack)(const uint8_t* tile, uint32_t row, uint32_t i, std::byte* out);
};

template <typename F>
constexpr Format format_of(Dtype dtype) {
  using L = typename F::Layout;
  return {dtype, L::kUnitBlocks, L::kUnitBytes, {true, L::kSums, L::kZero}, pack_tile_of<F>, unpack_block<F>};
}
constexpr Format float_format(Dtype dtype) {
  return {dtype, 0, 0, {false, SumsKind::kZero32, 0}, nullptr, nullptr};
}

constexpr Format kFormats[] = {
    float_format(Dtype::kF32),
    float_format(Dtype::kF16),
    float_format(Dtype::kBF16),
    format_of<FormatQ4_0>(Dtype::kQ4_0),
    format_of<FormatQ4_1>(Dtype::kQ4_1),
    format_of<FormatQ5_0>(Dtype::kQ5_0),
    format_of<FormatQ5_1>(Dtype::kQ5_1),
    format_of<FormatQ8_0>(Dtype::kQ8_0),
    format_of<FormatQ2_K>(Dtype::kQ2_K),
    format_of<FormatQ3_K>(Dtype::kQ3_K),
    format_of<FormatQ4_K>(Dtype::kQ4_K),
    format_of<FormatQ5_K>(Dtype::kQ5_K),
    format_of<FormatQ6_K>(Dtype::kQ6_K),
    format_of<FormatIQ4_NL>(Dtype::kIQ4_NL),
    format_of<FormatIQ4_XS>(Dtype::kIQ4_XS),
    format_of<FormatMXFP4>(Dtype::kMXFP4),
    format_of<FormatNVFP4>(Dtype::kNVFP4),
    format_of<FormatTQ1_0>(Dtype::kTQ1_0),
    format_of<FormatTQ2_0>(Dtype::kTQ2_0),
    format_of<FormatQ1_0>(Dtype::kQ1_0),
    format_of<FormatQ2_0>(Dtype::kQ2_0),
};

const Format* find_format(Dtype dtype) {
  for (const Format& known : kFormats) {
    if (known.dtype == dtype) return &known;
  }
  return nullptr;
}

const Format& format(Dtype dtype) {
  if (const Format* known = find_format(dtype)) return *known;
  throw Error(ErrorCode::kUnsupported,
              std::string("the CPU backend has no linear layer of type ") + quant::facts(dtype).name);
}

uint32_t float_bytes(Dtype dtype) { return dtype == Dtype::kF32 ? 4 : 2; }

}  // namespace

bool is_packed(Dtype dtype) { return find_format(dtype) != nullptr; }

PackFacts pack_facts(Dtype dtype) { return format(dtype).facts; }

uint32_t tile_count(uint32_t rows) {
  return static_cast<uint32_t>((uint64_t{rows} + kTileRows - 1) / kTileRows);
}

uint64_t tile_bytes(Dtype dtype, uint32_t cols) {
  const Format& f = format(dtype);
  if (f.unit_blocks == 0) return align_up(uint64_t{cols} * kTileRows * float_bytes(dtype), kLine);
  const uint64_t unit_values = uint64_t{f.unit_blocks} * kBlock;
  return (cols + unit_values - 1) / unit_values * f.unit_bytes;
}

void pack_tile(const device::WeightShape& shape, std::span<const std::byte> rows, uint32_t tile,
               uint8_t* to) {
  const Format& f = format(shape.dtype);
  const uint64_t row_bytes = quant::row_bytes(shape.dtype, shape.cols);
  GANTRY_CHECK_EQ(rows.size(), row_bytes * shape.rows);
  const uint32_t first = tile * kTileRows;
  const uint32_t count = std::min(kTileRows, shape.rows - first);
  const std::byte* from = rows.data() + first * row_bytes;
  const uint64_t bytes = tile_bytes(shape.dtype, shape.cols);
  if (f.unit_blocks != 0)
    f.pack(shape.cols / kBlock, count, from, row_bytes, to);
  else if (float_bytes(shape.dtype) == 4)
    pack_floats<uint32_t>(shape.cols, count, from, to, bytes);
  else
    pack_floats<uint16_t>(shape.cols, count, from, to, bytes);
}

void unpack_row(const device::WeightShape& shape, const uint8_t* packed, uint32_t row,
                std::span<std::byte> out) {
  GANTRY_CHECK_LT(row, shape.rows);
  GANTRY_CHECK_EQ(out.size(), quant::row_bytes(shape.dtype, shape.cols));
  const Format& f = format(shape.dtype);
  const uint8_t* tile = packed + row / kTileRows * tile_bytes(shape.dtype, shape.cols);
  const uint32_t lane = row % kTileRows;
  if (f.unit_blocks != 0) {
    const quant::DtypeFacts& facts = quant::facts(shape.dtype);
    for (uint32_t i = 0; i < shape.cols / facts.block_values; ++i)
      f.unpack(tile, lane, i, out.data() + uint64_t{i} * facts.block_bytes);
  } else if (float_bytes(shape.dtype) == 4) {
    unpack_floats<uint32_t>(shape.cols, tile, lane, out.data());
  } else {
    unpack_floats<uint16_t>(shape.cols, tile, lane, out.data());
  }
}

void decode_packed_row(const device::WeightShape& shape, const uint8_t* packed, uint32_t row, float scale,
                       float* out) {
  GANTRY_CHECK_LT(row, shape.rows);
  const Format& f = format(shape.dtype);
  const uint8_t* tile = packed + row / kTileRows * tile_bytes(shape.dtype, shape.cols);
  const uint32_t lane = row % kTileRows;
  // A few values at a time, through the bytes GGUF had: there is one definition of what they mean.
  constexpr uint32_t kValues = quant::kSuperBlockValues;
  std::byte bytes[kValues * sizeof(float)];
  const quant::DtypeFacts& facts = quant::facts(shape.dtype);
  const uint32_t step = f.unit_blocks != 0 ? facts.block_values : kValues;
  for (uint32_t k = 0; k < shape.cols; k += step) {
    const uint32_t count = std::min(step, shape.cols - k);
    if (f.unit_blocks != 0)
      f.unpack(tile, lane, k / step, bytes);
    else if (float_bytes(shape.dtype) == 4)
      unpack_floats<uint32_t>(count, tile + uint64_t{k} * kTileRows * 4, lane, bytes);
    else
      unpack_floats<uint16_t>(count, tile + uint64_t{k} * kTileRows * 2, lane, bytes);
    quant::decode_row(shape.dtype, {bytes, quant::row_bytes(shape.dtype, count)}, {out + k, count});
    for (uint32_t i = 0; i < count; ++i) out[k + i] *= scale;
  }
}

}  // namespace gantry::cpu
