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
  if (job.stop_tokens.size() > sample::kStopTokensMax)
    refuse(
        fmt::format("{} stop tokens, at most {} are allowed", job.stop_tokens.size(), sample::kStopTokensMax),
        "stop");
  if (job.top_logprobs > sample::kTopLogprobsMax)
    refuse(fmt::format("top_logprobs is {}, must be from 0 to {}", job.top_logprobs, sample::kTopLogprobsMax),
           "top_logprobs");
  if (job.grammar.kind.size() > kGrammarKindBytesMax || job.grammar.text.size() > kGrammarBytesMax)
    refuse(
        fmt::format("a grammar of {} bytes, at most {} are taken", job.grammar.text.size(), kGrammarBytesMax),
        "grammar");
  if (job.wanted == Wanted::kEmbedding && limits.width == 0)
    throw Error(ErrorCode::kUnsupported, "this model gives no embeddings");
  sample::validate(job.sampling, limits.vocab);
}

std::unique_ptr<sample::LogitStage> make_stage(const Job& job, uint32_t vocab, const EngineOptions& options) {
  if (job.grammar.kind.empty()) return nullptr;
  std::unique_ptr<sample::LogitStage> stage;
  if (options.make_stage) stage = options.make_stage(job.grammar, vocab);
  if (stage == nullptr)
    throw Error(ErrorCode::kUnsupported,
                fmt::format("grammars of kind '{}' are not understood here", job.grammar.kind), "grammar");
  return stage;
}

// The most tokens that prompt and answer may come to.
uint32_t end_of(const Job& job, const model::RunnerLimits& limits) {
  const size_t prompt = job.prompt.size();
  const auto prompt_tokens = static_cast<uint32_t>(prompt);
  const uint32_t room = limits.context_max - prompt_tokens;
  const uint32_t wanted = job.wanted == Wanted::kEmbedding ? 1 : job.tokens_max;
  const uint32_t end = prompt_tokens + (wanted == 0 ? room : std::min(room, wanted));
  // The last token is never fed back, so it needs no memory.
  const uint32_t pages = kv::pages_for(end - 1);
  if (pages <= limits.pages) return end;
  // "As many as fit" is asked for: the pool may be smaller than the context.
  if (wanted == 0 && kv::pages_for(prompt_tokens) <= limits.pages) return limits.pages * kPageTokens + 1;
  throw Error(ErrorCode::kTooLarge,
              fmt::format("{} prompt tokens and {} of the answer need {} pages of {} tokens, the pool has {}",
                          prompt, end - prompt_tokens, pages, kPageTokens, limits.pages),
              "max_tokens", "ask for a shorter answer, or load the model with more KV memory");
}

}  // namespace

std::unique_ptr<Sequence> make_sequence(Job&& job, std::shared_ptr<TokenSink> sink,
                                        const model::RunnerLimits& limits, const EngineOptions& options) {
  if (sink == nullptr) refuse("nobody listens to the answer", "sink");
  check_fields(job, limits);
  auto sequence = std::make_unique<Sequence>();
  sequence->end = end_of(job, limits);
  sequence->prompt_tokens = static_cast<uint32_t>(job.prompt.size());
  sequence->stage = make_stage(job, limits.vocab, options);
  sequence->sink = std::move(sink);
  if (job.deadline_ms != 0) sequence->deadline = options.clock() + std::chrono::milliseconds(job.deadline_ms);
  sequence->tokens = std::move(job.prompt);
  sequence->tokens.reserve(sequence->end);
  if (job.wanted == Wanted::kEmbedding) sequence->values.resize(limits.width);
  sequence->job = std::move(job);
  sequence->cancelled = std::make_shared<std::atomic<bool>>(false);
  return sequence;
}

}  // namespace gantry::engine
