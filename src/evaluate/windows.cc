#include "evaluate/windows.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"
#include "base/error.h"

namespace gantry::evaluate {

Cut cut_windows(uint64_t tokens, uint32_t length, bool score_all, uint32_t windows_max) {
  if (length < kWindowMin)
    throw Error(ErrorCode::kUsage, fmt::format("a window of {} has nothing to predict from", length),
                "context", fmt::format("at least {} tokens", kWindowMin));
  uint64_t windows = tokens / length;
  if (windows == 0)
    throw Error(ErrorCode::kInvalidRequest,
                fmt::format("the text has {} tokens, one window takes {}", tokens, length), "",
                "use a longer text or a smaller `context`");
  if (windows_max != 0) windows = std::min<uint64_t>(windows, windows_max);
  Cut cut;
  cut.length = length;
  cut.windows = static_cast<uint32_t>(std::min<uint64_t>(windows, UINT32_MAX));
  cut.first_scored = score_all ? 1 : length / 2 + 1;
  if (cut.first_scored >= length) cut.first_scored = length - 1;  // a window of 2
  return cut;
}

std::vector<TokenId> window_of(std::span<const TokenId> tokens, const Cut& cut, uint32_t index, TokenId bos) {
  GANTRY_CHECK_LT(index, cut.windows);
  const auto part = tokens.subspan(uint64_t{index} * cut.length, cut.length);
  std::vector<TokenId> out(part.begin(), part.end());
  if (bos != kNoToken) out[0] = bos;
  return out;
}

}  // namespace gantry::evaluate
