#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "fleet/live_model.h"
#include "fleet/probe.h"

namespace gantry::fleet {

void debug_logits(const DevicePool& pool, const LoadSettings& settings, std::span<const TokenId> tokens,
                  uint32_t slice, const std::function<void(std::span<const std::byte>)>& put) {
  if (tokens.empty()) throw Error(ErrorCode::kUsage, "no tokens to compute", "tokens");
  LoadSettings wished = settings;
  if (slice != 0) wished.step_rows = slice;
  const auto probe = Probe::open(pool, wished);
  if (tokens.size() > probe->context()) {
    throw Error(ErrorCode::kTooLarge,
                fmt::format("{} tokens, the context holds {}", tokens.size(), probe->context()), "tokens");
  }
  for (size_t from = 0; from < tokens.size(); from += probe->slice()) {
    const size_t rows = std::min<size_t>(probe->slice(), tokens.size() - from);
    put(std::as_bytes(probe->compute(tokens.subspan(from, rows), static_cast<uint32_t>(from), 0)));
  }
}

}  // namespace gantry::fleet
