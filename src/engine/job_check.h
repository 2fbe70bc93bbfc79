// What a prompt must be, in one place for all who ask: the engine when a job comes, and whoever wants to know
// before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/error.h"
#include "base/ids.h"
#include "model/runner.h"

namespace gantry::engine {

// The prompt leaves no room for an answer in the model's context.
class PromptTooLong : public Error {
 public:
  PromptTooLong(size_t tokens, uint32_t context);

  size_t tokens() const { return tokens_; }
  uint32_t context() const { return context_; }

 private:
  size_t tokens_;
  uint32_t context_;
};

// At least one token, all of the vocabulary, fewer than the context holds: PromptTooLong, else Error
// kInvalidRequest; `where` is "prompt".
void check_prompt(std::span<const TokenId> prompt, const model::RunnerLimits& limits);

}  // namespace gantry::engine
