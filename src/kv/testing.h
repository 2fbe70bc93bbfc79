// What the tests of sequence memory share.
#pragma once

#include <numeric>
#include <vector>

#include "base/ids.h"

namespace gantry::kv {

inline constexpr uint32_t kPage = kPageTokens;

// Tokens that are all different, from `first` on.
inline std::vector<TokenId> tokens_of(uint32_t count, TokenId first = 0) {
  std::vector<TokenId> tokens(count);
  std::iota(tokens.begin(), tokens.end(), first);
  return tokens;
}

}  // namespace gantry::kv
