// Sort keys of candidates: 64 bits that order them by falling logit, then rising token id.
#pragma once

#include <bit>
#include <cstdint>
#include <span>

#include "base/ids.h"

namespace gantry::sample {

// The logit is not NaN and not -0.
constexpr uint64_t candidate_key(float logit, size_t token) {
  const uint32_t bits = std::bit_cast<uint32_t>(logit);
  const uint32_t rising = (bits >> 31) != 0 ? ~bits : bits | 0x80000000u;
  return uint64_t{~rising} << 32 | static_cast<uint32_t>(token);
}

constexpr TokenId candidate_token(uint64_t key) { return static_cast<TokenId>(static_cast<uint32_t>(key)); }

constexpr float candidate_logit(uint64_t key) {
  const uint32_t rising = ~static_cast<uint32_t>(key >> 32);
  return std::bit_cast<float>((rising >> 31) != 0 ? rising & 0x7fffffffu : ~rising);
}

// Rising order, in time proportional to the count. `scratch` is as long as `keys`.
void sort_keys(std::span<uint64_t> keys, std::span<uint64_t> scratch);

}  // namespace gantry::sample
