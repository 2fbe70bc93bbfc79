// Bytes of a job or an event, as a peer process sends them: what is read is written again as the same bytes.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/error.h"
#include "engine/codec.h"

namespace {

template <typename Decode>
void try_one(std::span<const std::byte> bytes, const Decode& decode) {
  try {
    if (!std::ranges::equal(gantry::engine::encode(decode(bytes)), bytes)) __builtin_trap();
  } catch (const gantry::Error& error) {
    if (error.code() != gantry::ErrorCode::kInvalidRequest) __builtin_trap();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  try_one(bytes, gantry::engine::decode_job);
  try_one(bytes, gantry::engine::decode_event);
  return 0;
}
