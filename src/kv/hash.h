// The hash of the prefix index. It only shortens searches: what is found is always compared.
#pragma once

#include <cstdint>

namespace gantry::kv {

// The two halves of a 128-bit product folded together: every input bit reaches every output bit.
constexpr uint64_t fold(uint64_t a, uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a ^ 0x9e3779b97f4a7c15) * (b ^ 0xe7037ed1a0b428db);
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

}  // namespace gantry::kv
