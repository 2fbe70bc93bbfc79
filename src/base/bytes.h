// Bytes as people write them, and sums of bytes that cannot wrap.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gantry {

// "1.50 GiB", "640 KiB", "1 MiB", "17 B".
std::string human_bytes(uint64_t bytes);

// "4G", "512MiB", "1.5 GiB", "1024" (bytes). nullopt when it is not a size.
std::optional<uint64_t> parse_bytes(std::string_view text);

// a + b and a * b, nullopt when the result does not fit 64 bits: sizes read from files are added with these.
std::optional<uint64_t> checked_add(uint64_t a, uint64_t b);
std::optional<uint64_t> checked_mul(uint64_t a, uint64_t b);

// The next multiple of `alignment` (a power of two) at or above `value`; value + alignment must fit 64 bits.
constexpr uint64_t align_up(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) & ~(alignment - 1);
}

}  // namespace gantry
