#include "sample/candidates.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace gantry::sample {
namespace {

constexpr size_t kRadixMin = 1024;  // fewer are sorted by comparing
constexpr uint32_t kDigitBits = 11;
constexpr size_t kDigits = size_t{1} << kDigitBits;

// One stable pass by the digit at `shift`. False, and nothing moved, when all keys have the same digit.
bool radix_pass(std::span<const uint64_t> from, std::span<uint64_t> to, uint32_t shift) {
  std::array<uint32_t, kDigits> places{};
  for (const uint64_t key : from) ++places[(key >> shift) & (kDigits - 1)];
  if (places[(from[0] >> shift) & (kDigits - 1)] == from.size()) return false;
  uint32_t next = 0;
  for (uint32_t& place : places) {
    const uint32_t count = place;
    place = next;
    next += count;
  }
  for (const uint64_t key : from) to[places[(key >> shift) & (kDigits - 1)]++] = key;
  return true;
}

bool low_halves_rise(std::span<const uint64_t> keys) {
  for (size_t i = 1; i < keys.size(); ++i)
    if (static_cast<uint32_t>(keys[i - 1]) > static_cast<uint32_t>(keys[i])) return false;
  return true;
}

}  // namespace

void sort_keys(std::span<uint64_t> keys, std::span<uint64_t> scratch) {
  if (keys.size() < kRadixMin) {
    std::sort(keys.begin(), keys.end());
    return;
  }
  std::span<uint64_t> from = keys, to = scratch.first(keys.size());
  for (uint32_t shift = low_halves_rise(keys) ? 32 : 0; shift < 64; shift += kDigitBits)
    if (radix_pass(from, to, shift)) std::swap(from, to);
  if (from.data() != keys.data()) std::copy(from.begin(), from.end(), keys.begin());
}

}  // namespace gantry::sample
