// Sort keys of candidates: 64 bits that order them by falling logit, then rising token id.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "base/ids.h"

namespace gantry::sample {

// A float's bits in the order of floats: the sign bit is turned over, a negative one's other bits too.
// Written without a branch, as signs cannot be guessed.
constexpr uint32_t rising_bits(float logit) {
  const uint32_t bits = std::bit_cast<uint32_t>(logit);
  return bits ^ ((0u - (bits >> 31)) | 0x80000000u);
}

// The logit is not NaN and not -0.
constexpr uint64_t candidate_key(float logit, size_t token) {
  return uint64_t{~rising_bits(logit)} << 32 | static_cast<uint32_t>(token);
}

constexpr TokenId candidate_token(uint64_t key) { return static_cast<TokenId>(static_cast<uint32_t>(key)); }

constexpr float candidate_logit(uint64_t key) {
  const uint32_t rising = ~static_cast<uint32_t>(key >> 32);
  return std::bit_cast<float>(rising ^ (((rising >> 31) - 1) | 0x80000000u));
}

}  // namespace gantry::sample
