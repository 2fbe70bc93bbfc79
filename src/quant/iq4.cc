// IQ4_NL and IQ4_XS: four bits choose one of sixteen uneven levels.
#include <cstdint>
#include <cstring>

#include "quant/blocks.h"
#include "quant/fit.h"
#include "quant/half.h"
#include "quant/level_grid.h"
#include "quant/rows.h"
#include "quant/super_fit.h"

namespace gantry::quant {
namespace {

using Iq4Grid = LevelGrid<kIq4Levels>;
void decode_levels(float scale, const uint8_t* qs, float* y) {
  for (size_t j = 0; j < kHalf; ++j) {
    y[j] = scale * static_cast<float>(kIq4Levels[qs[j] & 15]);
    y[j + kHalf] = scale * static_cast<float>(kIq4Levels[qs[j] >> 4]);
  }
}

}  // namespace

void decode_iq4_nl(std::span<const std::byte> src, std::span<float> dst) {
  decode_blocks<BlockIQ4_NL, kBlockValues>(
      src, dst, [](const BlockIQ4_NL& b, float* y) { decode_levels(f16_to_f32(b.d), b.qs, y); });
}

void decode_iq4_xs(std::span<const std::byte> src, std::span<float> dst) {
  decode_blocks<BlockIQ4_XS, kSuperBlockValues>(src, dst, [](const BlockIQ4_XS& b, float* y) {
    const float d = f16_to_f32(b.d);
    for (unsigned s = 0; s < 8; ++s)
      decode_levels(d * static_cast<float>(iq4_xs_scale(b, s)), b.qs + kHalf * s, y + kBlockValues * s);
  });
}

void encode_iq4_nl(std::span<const float> src, std::span<std::byte> dst) {
  encode_blocks<BlockIQ4_NL, kBlockValues>(src, dst, [](const float* x) {
    BlockIQ4_NL b;
    int q[kBlockValues];
    const float d = Iq4Grid::fit<kBlockValues>(x, to_half);
    Iq4Grid::quantize<kBlockValues>(x, d, q);
    b.d = f32_to_f16(d);
    pack_nibbles(q, b.qs);
    return b;
  });
}

void encode_iq4_xs(std::span<const float> src, std::span<std::byte> dst) {
  encode_blocks<BlockIQ4_XS, kSuperBlockValues>(src, dst, [](const float* x) {
    const CentredFit<Iq4Grid, 8, -32> fit(x);
    BlockIQ4_XS b;
    std::memset(&b, 0, sizeof(b));
    b.d = f32_to_f16(fit.best().d);
    for (unsigned s = 0; s < 8; ++s) {
      const int scale = fit.best().scale[s] + 32;
      b.scales_l[s / 2] = static_cast<uint8_t>(b.scales_l[s / 2] | ((scale & 15) << (4 * (s % 2))));
      b.scales_h = static_cast<uint16_t>(b.scales_h | ((scale >> 4) << (2 * s)));
      pack_nibbles(fit.q().data() + kBlockValues * s, b.qs + kHalf * s);
    }
    return b;
  });
}

}  // namespace gantry::quant
