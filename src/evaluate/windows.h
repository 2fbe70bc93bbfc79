// How a text is cut for measuring: windows of one length, one after the other, none overlapping; what is left
// at the end is not used. Where the vocabulary begins texts with a token (BOS), every window begins with it,
// in the place of the window's first token. Pure; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/ids.h"

namespace gantry::evaluate {

inline constexpr uint32_t kWindowMin = 2;  // tokens: one to predict from, one to predict

struct Cut {
  uint32_t length = 0;        // tokens in a window
  uint32_t windows = 0;       // whole ones
  uint32_t first_scored = 0;  // index in a window of the first token whose probability counts, at least 1
  uint64_t scored() const { return uint64_t{windows} * (length - first_scored); }
};

// `score_all`: from a window's second token on; otherwise those after its first half, so that each has at
// least half a window before it. Error kUsage: a length below kWindowMin; kInvalidRequest: not one window in
// `tokens`.
Cut cut_windows(uint64_t tokens, uint32_t length, bool score_all, uint32_t windows_max = 0);

// The tokens of window `index`; `bos`: kNoToken for none.
std::vector<TokenId> window_of(std::span<const TokenId> tokens, const Cut& cut, uint32_t index, TokenId bos);

}  // namespace gantry::evaluate
