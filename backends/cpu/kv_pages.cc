#include "backends/cpu/kv_pages.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <type_traits>

#include "base/check.h"
#include "base/ids.h"
#include "device/page_ops.h"
#include "quant/half.h"

namespace gantry::cpu {
namespace {

using quant::Dtype;

// Values of one head to every `step`th element of `to`; `scales`: one f16 for each block, kPageTokens apart.
void write_values(Dtype dtype, const float* from, uint32_t count, uint8_t* to, uint64_t step,
                  uint8_t* scales) {
  if (dtype == Dtype::kF32) {
    for (uint32_t i = 0; i < count; ++i) std::memcpy(to + i * step * 4, from + i, 4);
    return;
  }
  if (dtype == Dtype::kF16) {
    for (uint32_t i = 0; i < count; ++i) {
      const uint16_t half = quant::f32_to_f16(from[i]);
      std::memcpy(to + i * step * 2, &half, 2);
    }
    return;
  }
  // The rule of activations: d = amax / 127 (kept as f16), q = x * (127 / amax) to the nearest even.
  for (uint32_t first = 0; first < count; first += kBlock) {
    const uint32_t n = std::min(kBlock, count - first);
    uint32_t most = 0;
    for (uint32_t i = 0; i < n; ++i)
      most = std::max(most, std::bit_cast<uint32_t>(from[first + i]) & 0x7fffffffu);
    const float amax = std::bit_cast<float>(most);
    const bool finite = most < 0x7f800000u, zero = most < 0x0d800000u;
    const bool plain = finite && !zero;
    const float inverse = plain ? 127.0f / amax : 0.0f;
    const float d = plain ? amax / 127.0f : finite ? 0.0f : std::numeric_limits<float>::quiet_NaN();
    const uint16_t half = quant::f32_to_f16(d);
    std::memcpy(scales + first / kBlock * kPageTokens * 2, &half, 2);
    for (uint32_t i = 0; i < n; ++i) {
      constexpr float kMagic = 12582912.0f;  // 1.5 * 2^23: rounds to the nearest even integer
      const float q = plain ? (from[first + i] * inverse + kMagic) - kMagic : 0.0f;
      to[(first + i) * step] = static_cast<uint8_t>(static_cast<int8_t>(q));
    }
  }
}

}  // namespace

void write_kv_row(const device::KvShape& shape, const KvLayout& layout, uint8_t* page, uint32_t slot,
                  const float* k, const float* v) {
  GANTRY_CHECK_LT(slot, kPageTokens);
  const uint64_t element = shape.dtype == Dtype::kF32 ? 4 : shape.dtype == Dtype::kF16 ? 2 : 1;
  for (uint32_t head = 0; head < shape.kv_heads; ++head) {
    uint8_t* at = page + head * layout.head_bytes;
    write_values(shape.dtype, k + uint64_t{head} * shape.key_dim, shape.key_dim, at + slot * element,
                 kPageTokens, at + layout.k_scales + 2 * slot);
    if (shape.value_in_key) continue;
    write_values(shape.dtype, v + uint64_t{head} * shape.value_dim, shape.value_dim,
                 at + layout.v + slot * layout.value_stride * element, 1, at + layout.v_scales + 2 * slot);
  }
}

namespace {

// K or V of one head. Offsets in bytes from the page's start, steps in elements.
struct HeadPart {
  uint64_t values, scales;
  uint64_t position_step, value_step;
  uint32_t dim;
};

// One row: calls move(offset in the page, offset in the row, count), count an integral constant.
template <uint32_t kElement, typename Move>
void move_values(const HeadPart& part, uint32_t position, const Move& move) {
  const uint64_t first = part.values + position * part.position_step * kElement;
  for (uint32_t i = 0; i < part.dim; ++i)
    move(first + i * part.value_step * kElement, uint64_t{i} * kElement,
         std::integral_constant<size_t, kElement>{});
}

template <typename Move>
void move_blocks(const HeadPart& part, uint32_t position, const Move& move) {
  constexpr std::integral_constant<size_t, 2> kScale;
  constexpr std::integral_constant<size_t, 1> kCode;
  constexpr uint64_t kBlockBytes = kScale + kBlock;
  for (uint32_t i = 0; i < part.dim; ++i) {
    const uint64_t block = i / kBlock, at = i % kBlock;
    if (at == 0) move(part.scales + (block * kPageTokens + position) * kScale, block * kBlockBytes, kScale);
    move(part.values + position * part.position_step + i * part.value_step, block * kBlockBytes + kScale + at,
         kCode);
  }
}

// All rows of one head: row(position, first canonical byte, bytes) says whether it is wanted; then calls
// move(offset in the page, offset in the canonical bytes, count) for every piece of it.
template <typename Row, typename Move>
void move_head(const device::KvShape& shape, const KvLayout& layout, uint32_t head, const Row& row,
               const Move& move) {
  const uint64_t page = head * layout.head_bytes;
  const HeadPart parts[] = {
      {page, page + layout.k_scales, 1, kPageTokens, layout.key_dim},
      {page + layout.v, page + layout.v_scales, layout.value_stride, 1, layout.value_dim}};
  uint64_t part_begin = 0;
  for (uint32_t i = 0; i < (shape.value_in_key ? 1u : 2u); ++i) {
    const uint64_t bytes = device::canonical_row_bytes(shape.dtype, parts[i].dim);
    for (uint32_t position = 0; position < kPageTokens; ++position) {
      const uint64_t begin = part_begin + (uint64_t{head} * kPageTokens + position) * bytes;
      if (!row(position, begin, bytes)) continue;
      const auto piece = [&](uint64_t inside, uint64_t outside, auto count) {
        move(inside, begin + outside, count);
      };
      if (shape.dtype == Dtype::kF32)
        move_values<4>(parts[i], position, piece);
      else if (shape.dtype == Dtype::kF16)
        move_values<2>(parts[i], position, piece);
      else
        move_blocks(parts[i], position, piece);
    }
    part_begin += uint64_t{shape.kv_heads} * kPageTokens * bytes;
  }
}

}  // namespace

void export_head(const device::KvShape& shape, const KvLayout& layout, const uint8_t* page, uint32_t head,
                 uint32_t positions, uint8_t* out) {
  move_head(
      shape, layout, head,
      [&](uint32_t position, uint64_t begin, uint64_t bytes) {
        std::memset(out + begin, 0, bytes);
        return position < positions;
      },
      [&](uint64_t inside, uint64_t outside, auto count) {
        std::memcpy(out + outside, page + inside, count);
      });
}

void import_head(const device::KvShape& shape, const KvLayout& layout, const uint8_t* in, uint32_t head,
                 uint8_t* page) {
  move_head(
      shape, layout, head, [](uint32_t, uint64_t, uint64_t) { return true; },
      [&](uint64_t inside, uint64_t outside, auto count) {
        std::memcpy(page + inside, in + outside, count);
      });
}

}  // namespace gantry::cpu
