#include "engine/sequence.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "engine/prompt_check.h"
#include "kv/sequence_memory.h"

namespace gantry::engine {
namespace {

[[noreturn]] void refuse(std::string what, const char* where) {
  throw Error(ErrorCode::kInvalidRequest, std::move(what), where);
}

void check_token(TokenId token, uint32_t vocab, const char* where) {
  if (token < 0 || static_cast<uint32_t>(token) >= vocab)
    refuse(fmt::format("token {} is outside the vocabulary of {}", token, vocab), where);
}

void check_fields(const Job& job, const model::RunnerLimits& limits) {
  check_prompt(job.prompt, limits);
  for (const TokenId token : job.stop_tokens) check_token(token, limits.vocab, "stop");
  if (job.stop_tokens.size() > kStopTokensMax)
    refuse(fmt::format("{} stop tokens, at most {} are allowed", job.stop_tokens.size(), kStopTokensMax),
           "stop");
  if (job.top_logprobs > sample::kTopLogprobsMax)
    refuse(fmt::format("top_logprobs is {}, must be from 0 to {}", job.top_logprobs, sample::kTopLogprobsMax),
           "top_logprobs");
  if (job.sink == nullptr) refuse("nobody listens to the answer", "sink");
  sample::validate(job.sampling, limits.vocab);
}

// The most tokens that prompt and answer may come to.
uint32_t end_of(const Job& job, const model::RunnerLimits& limits) {
  const size_t prompt = job.prompt.size();
  const auto prompt_tokens = static_cast<uint32_t>(prompt);
  const uint32_t room = limits.context_max - prompt_tokens;
  const uint32_t end = prompt_tokens + (job.tokens_max == 0 ? room : std::min(room, job.tokens_max));
  // The last token is never fed back, so it needs no memory.
  const uint32_t pages = kv::pages_for(end - 1);
  if (pages <= limits.pages) return end;
  // "As many as fit" is asked for: the pool may be smaller than the context.
  if (job.tokens_max == 0 && kv::pages_for(prompt_tokens) <= limits.pages)
    return limits.pages * kPageTokens + 1;
  throw Error(ErrorCode::kTooLarge,
              fmt::format("{} prompt tokens and {} of the answer need {} pages of {} tokens, the pool has {}",
                          prompt, end - prompt_tokens, pages, kPageTokens, limits.pages),
              "max_tokens", "ask for a shorter answer, or load the model with more KV memory");
}

}  // namespace

std::unique_ptr<Sequence> make_sequence(Job&& job, const model::RunnerLimits& limits) {
  check_fields(job, limits);
  auto sequence = std::make_unique<Sequence>();
  sequence->end = end_of(job, limits);
  sequence->prompt_tokens = static_cast<uint32_t>(job.prompt.size());
  sequence->tokens = std::move(job.prompt);
  sequence->tokens.reserve(sequence->end);
  sequence->job = std::move(job);
  sequence->cancelled = std::make_shared<std::atomic<bool>>(false);
  return sequence;
}

}  // namespace gantry::engine
