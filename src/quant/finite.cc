#include "quant/finite.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include "base/check.h"
#include "quant/blocks.h"

namespace gantry::quant {
namespace {

// Of binary16: all bits of the exponent set.
constexpr uint16_t kExponent16 = 0x7c00;

uint16_t word_at(const std::byte* bytes) {
  uint16_t word = 0;
  std::memcpy(&word, bytes, sizeof(word));
  return word;
}

// Values of one type one after another, in stretches that the compiler turns into vectors.
template <typename Word, Word kExponent>
std::optional<uint64_t> find_among_values(std::span<const std::byte> bytes) {
  constexpr size_t kStretch = 1024;  // values
  std::array<Word, kStretch> words{};
  for (size_t at = 0; at < bytes.size(); at += kStretch * sizeof(Word)) {
    const size_t size = std::min(kStretch * sizeof(Word), bytes.size() - at);
    words.fill(0);
    std::memcpy(words.data(), bytes.data() + at, size);
    unsigned bad = 0;
    for (size_t i = 0; i < kStretch; ++i) bad |= (words[i] & kExponent) == kExponent ? 1U : 0U;
    if (bad == 0) continue;
    const auto first = std::ranges::find_if(words, [](Word word) { return (word & kExponent) == kExponent; });
    return at + static_cast<size_t>(first - words.begin()) * sizeof(Word);
  }
  return std::nullopt;
}

// Blocks with one or two binary16 scales, told by their places in the block.
template <typename Block, size_t... kAt>
std::optional<uint64_t> find_among_blocks(std::span<const std::byte> bytes) {
  for (size_t at = 0; at + sizeof(Block) <= bytes.size(); at += sizeof(Block)) {
    const std::byte* block = bytes.data() + at;
    if ((((word_at(block + kAt) & kExponent16) != kExponent16) && ...)) continue;
    for (const size_t place : {kAt...})
      if ((word_at(block + place) & kExponent16) == kExponent16) return at + place;
  }
  return std::nullopt;
}

std::optional<uint64_t> find_in_mxfp4(std::span<const std::byte> bytes) {
  for (size_t at = 0; at < bytes.size(); at += sizeof(BlockMXFP4))
    if (std::to_integer<uint8_t>(bytes[at]) > kMxfp4MaxExponent) return at;
  return std::nullopt;
}

}  // namespace

std::optional<uint64_t> find_not_finite(Dtype dtype, std::span<const std::byte> rows) {
  switch (dtype) {
    case Dtype::kF32:
      return find_among_values<uint32_t, 0x7f800000>(rows);
    case Dtype::kF16:
      return find_among_values<uint16_t, kExponent16>(rows);
    case Dtype::kBF16:
      return find_among_values<uint16_t, 0x7f80>(rows);
    case Dtype::kQ4_0:
      return find_among_blocks<BlockQ4_0, offsetof(BlockQ4_0, d)>(rows);
    case Dtype::kQ4_1:
      return find_among_blocks<BlockQ4_1, offsetof(BlockQ4_1, d), offsetof(BlockQ4_1, m)>(rows);
    case Dtype::kQ5_0:
      return find_among_blocks<BlockQ5_0, offsetof(BlockQ5_0, d)>(rows);
    case Dtype::kQ5_1:
      return find_among_blocks<BlockQ5_1, offsetof(BlockQ5_1, d), offsetof(BlockQ5_1, m)>(rows);
    case Dtype::kQ8_0:
      return find_among_blocks<BlockQ8_0, offsetof(BlockQ8_0, d)>(rows);
    case Dtype::kQ2_K:
      return find_among_blocks<BlockQ2_K, offsetof(BlockQ2_K, d), offsetof(BlockQ2_K, dmin)>(rows);
    case Dtype::kQ3_K:
      return find_among_blocks<BlockQ3_K, offsetof(BlockQ3_K, d)>(rows);
    case Dtype::kQ4_K:
      return find_among_blocks<BlockQ4_K, offsetof(BlockQ4_K, d), offsetof(BlockQ4_K, dmin)>(rows);
    case Dtype::kQ5_K:
      return find_among_blocks<BlockQ5_K, offsetof(BlockQ5_K, d), offsetof(BlockQ5_K, dmin)>(rows);
    case Dtype::kQ6_K:
      return find_among_blocks<BlockQ6_K, offsetof(BlockQ6_K, d)>(rows);
    case Dtype::kIQ4_NL:
      return find_among_blocks<BlockIQ4_NL, offsetof(BlockIQ4_NL, d)>(rows);
    case Dtype::kIQ4_XS:
      return find_among_blocks<BlockIQ4_XS, offsetof(BlockIQ4_XS, d)>(rows);
    case Dtype::kTQ1_0:
      return find_among_blocks<BlockTQ1_0, offsetof(BlockTQ1_0, d)>(rows);
    case Dtype::kTQ2_0:
      return find_among_blocks<BlockTQ2_0, offsetof(BlockTQ2_0, d)>(rows);
    case Dtype::kQ1_0:
      return find_among_blocks<BlockQ1_0, offsetof(BlockQ1_0, d)>(rows);
    case Dtype::kQ2_0:
      return find_among_blocks<BlockQ2_0, offsetof(BlockQ2_0, d)>(rows);
    case Dtype::kMXFP4:
      return find_in_mxfp4(rows);
    case Dtype::kNVFP4:  // its scales are finite, whatever their bits
      return std::nullopt;
    case Dtype::kI8:
    case Dtype::kI16:
    case Dtype::kI32:
    case Dtype::kI64:
    case Dtype::kF64:
      break;
  }
  GANTRY_CHECK(facts(dtype).is_coded);
  return std::nullopt;
}

}  // namespace gantry::quant
