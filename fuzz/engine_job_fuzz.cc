// Bytes of a job or an event, as a peer process sends them: what is read is written again as the same bytes,
// and a job is refused, or has an end and a root.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/error.h"
#include "engine/codec.h"
#include "engine/job_check.h"

namespace {

template <typename Decode, typename Look>
void try_one(std::span<const std::byte> bytes, const Decode& decode, const Look& look) {
  try {
    const auto read = decode(bytes);
    if (!std::ranges::equal(gantry::engine::encode(read), bytes)) __builtin_trap();
    look(read);
  } catch (const gantry::Error& error) {
    if (error.code() != gantry::ErrorCode::kInvalidRequest) __builtin_trap();
  }
}

void look_at(const gantry::engine::Job& job) {
  gantry::model::RunnerLimits limits;
  limits.vocab = 300;
  limits.context_max = 100;
  limits.pages = 3;
  limits.width = 8;
  limits.adapters = 2;
  try {
    gantry::engine::check_job(job, limits);
    const uint32_t end = gantry::engine::tokens_end(job, limits);
    if (end <= job.prompt.size() || end > limits.context_max) __builtin_trap();
    if ((gantry::engine::root_of(job) == gantry::kv::RootKey()) != (job.salt.empty() && job.adapter == 0))
      __builtin_trap();
  } catch (const gantry::Error& error) {
    if (error.code() != gantry::ErrorCode::kInvalidRequest && error.code() != gantry::ErrorCode::kUnsupported)
      __builtin_trap();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  try_one(bytes, gantry::engine::decode_job, look_at);
  try_one(bytes, gantry::engine::decode_event, [](const gantry::engine::TokenEvent&) {});
  return 0;
}
