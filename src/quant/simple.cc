// F32, F16 and BF16: one value, one element.
#include <cstdint>
#include <cstring>

#include "quant/half.h"
#include "quant/rows.h"

namespace gantry::quant {
namespace {

template <float (*kConvert)(uint16_t)>
void decode_16(std::span<const std::byte> src, std::span<float> dst) {
  for (size_t i = 0; i < dst.size(); ++i) {
    uint16_t bits = 0;
    std::memcpy(&bits, src.data() + 2 * i, 2);
    dst[i] = kConvert(bits);
  }
}

template <uint16_t (*kConvert)(float)>
void encode_16(std::span<const float> src, std::span<std::byte> dst) {
  for (size_t i = 0; i < src.size(); ++i) {
    const uint16_t bits = kConvert(src[i]);
    std::memcpy(dst.data() + 2 * i, &bits, 2);
  }
}

}  // namespace

void decode_f32(std::span<const std::byte> src, std::span<float> dst) {
  if (!dst.empty()) std::memcpy(dst.data(), src.data(), src.size());
}
void decode_f16(std::span<const std::byte> src, std::span<float> dst) { decode_16<f16_to_f32>(src, dst); }
void decode_bf16(std::span<const std::byte> src, std::span<float> dst) { decode_16<bf16_to_f32>(src, dst); }

void encode_f32(std::span<const float> src, std::span<std::byte> dst) {
  if (!src.empty()) std::memcpy(dst.data(), src.data(), dst.size());
}
void encode_f16(std::span<const float> src, std::span<std::byte> dst) { encode_16<f32_to_f16>(src, dst); }
void encode_bf16(std::span<const float> src, std::span<std::byte> dst) { encode_16<f32_to_bf16>(src, dst); }

}  // namespace gantry::quant
