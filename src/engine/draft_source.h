// Who guesses what an answer will say next, so that one step can verify several tokens: a smaller model, or
// what the prompt says already. A wrong guess costs rows, never an answer.
#pragma once

#include <cstdint>
#include <span>

#include "base/ids.h"

namespace gantry::engine {

inline constexpr uint32_t kDraftMax = 16;  // guesses of one sequence in one step

class DraftSource {
 public:
  virtual ~DraftSource() = default;
  // Writes up to guesses.size() tokens of the vocabulary that may follow `tokens` and says how many. Between
  // two steps, on the engine's thread: must be quick, must not throw, allocates nothing.
  virtual uint32_t propose(std::span<const TokenId> tokens, std::span<TokenId> guesses) = 0;
};

}  // namespace gantry::engine
