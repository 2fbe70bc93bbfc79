#include "engine/prompt_check.h"

#include <fmt/format.h>

namespace gantry::engine {

PromptTooLong::PromptTooLong(size_t tokens, uint32_t context)
    : Error(ErrorCode::kInvalidRequest,
            fmt::format("it comes to {} tokens, the model's context of {} leaves no room for an answer",
                        tokens, context),
            "prompt", "send less, or load the model with a larger context"),
      tokens_(tokens),
      context_(context) {}

void check_prompt(std::span<const TokenId> prompt, const model::RunnerLimits& limits) {
  if (prompt.empty()) throw Error(ErrorCode::kInvalidRequest, "the prompt is empty", "prompt");
  for (const TokenId token : prompt)
    if (token < 0 || static_cast<uint32_t>(token) >= limits.vocab)
      throw Error(ErrorCode::kInvalidRequest,
                  fmt::format("token {} is outside the vocabulary of {}", token, limits.vocab), "prompt");
  if (prompt.size() >= limits.context_max) throw PromptTooLong(prompt.size(), limits.context_max);
}

}  // namespace gantry::engine
