#include "engine/outlook.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

namespace gantry::engine {
namespace {

constexpr double kHour = 3600;

uint32_t whole_seconds(double seconds) {
  return static_cast<uint32_t>(std::ceil(std::clamp(seconds, 1.0, kHour)));
}

}  // namespace

Outlook outlook_of(const EngineStats& stats, std::span<const uint64_t> waiting, uint64_t client,
                   uint64_t prompt_tokens) {
  std::map<uint64_t, uint32_t> of_others;
  uint32_t own = 0;
  for (const uint64_t other : waiting) {
    if (other == client)
      ++own;
    else
      ++of_others[other];
  }
  Outlook out{.ahead = own};
  for (const auto& [other, count] : of_others) out.ahead += std::min(count, own + 1);
  const uint32_t free = stats.places > stats.running ? stats.places - stats.running : 0;
  if (out.ahead >= free) out.seconds += (out.ahead - free + 1) * stats.seconds_per_end;
  // Prompts that are read already take half of what there is for prompts, at most as long as they have to go;
  // answers that run take half of each step.
  const uint64_t rows = prompt_tokens + std::min(prompt_tokens, stats.prompt_tokens_left);
  const bool halved = stats.running > 0 || out.ahead > 0;
  out.seconds += static_cast<double>(rows) * stats.row_seconds * (halved ? 2 : 1) + stats.decode_seconds;
  return out;
}

Busy::Busy(std::string what, double seconds)
    : Error(ErrorCode::kBusy, std::move(what), {}, fmt::format("come back in {} s", whole_seconds(seconds))),
      retry_after_(whole_seconds(seconds)) {}

}  // namespace gantry::engine
