#include "backends/cpu/kv_pages.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "base/check.h"
#include "base/ids.h"
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

}  // namespace gantry::cpu
