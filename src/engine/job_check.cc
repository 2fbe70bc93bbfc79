#include "engine/job_check.h"

#include <algorithm>

#include <fmt/format.h>

#include "kv/root_key.h"
#include "kv/sequence_memory.h"

namespace gantry::engine {
namespace {

[[noreturn]] void refuse(std::string what, const char* field, std::string mend = {}) {
  throw Error(ErrorCode::kInvalidRequest, std::move(what), field, std::move(mend));
}

void check_prompt(std::span<const TokenId> prompt, const model::RunnerLimits& limits) {
  if (prompt.empty()) refuse("the prompt is empty", "prompt");
  check_tokens(prompt, limits.vocab, "prompt");
  if (prompt.size() >= limits.context_max)
    throw PromptTooLong(
        fmt::format("it comes to {} tokens, the model's context of {} leaves no room for an answer",
                    prompt.size(), limits.context_max));
  const uint32_t pages = kv::pages_for(static_cast<uint32_t>(prompt.size()));
  if (pages > limits.pages)
    throw PromptTooLong(fmt::format("its {} tokens need {} pages of {} tokens, the pool has {}",
                                    prompt.size(), pages, kPageTokens, limits.pages));
}

void check_stops(std::span<const TokenId> stops, uint32_t vocab) {
  if (stops.size() > sample::kStopTokensMax)
    refuse(fmt::format("{} stop tokens with the model's own, at most {} are taken", stops.size(),
                       sample::kStopTokensMax),
           "stop_token_ids");
  check_tokens(stops, vocab, "stop_token_ids");
}

// Answer tokens that are asked for; 0: as many as fit.
uint32_t wanted_tokens(const Job& job) { return job.wanted == Wanted::kTokens ? job.tokens_max : 1; }

// The last token is never fed back, so it needs no memory.
uint32_t pages_of_all(uint32_t tokens) { return kv::pages_for(tokens - 1); }

// Prompt and answer, whatever memory there is.
uint32_t end_in_context(const Job& job, const model::RunnerLimits& limits) {
  const auto prompt = static_cast<uint32_t>(job.prompt.size());
  const uint32_t room = limits.context_max - prompt, wanted = wanted_tokens(job);
  return prompt + (wanted == 0 ? room : std::min(room, wanted));
}

void check_room(const Job& job, const model::RunnerLimits& limits) {
  const uint32_t end = end_in_context(job, limits);
  if (wanted_tokens(job) == 0 || pages_of_all(end) <= limits.pages) return;
  refuse(
      fmt::format("{} prompt tokens and {} of the answer need {} pages of {} tokens, the pool has {}",
                  job.prompt.size(), end - job.prompt.size(), pages_of_all(end), kPageTokens, limits.pages),
      "max_tokens", "ask for a shorter answer, or load the model with more KV memory");
}

void check_wanted(const Job& job, const model::RunnerLimits& limits) {
  if (job.top_logprobs > sample::kTopLogprobsMax)
    refuse(fmt::format("must be from 0 to {}, is {}", sample::kTopLogprobsMax, job.top_logprobs),
           "top_logprobs");
  if (job.grammar.kind.size() > kGrammarKindBytesMax)
    refuse(fmt::format("a kind of {} bytes, at most {} are taken", job.grammar.kind.size(),
                       kGrammarKindBytesMax),
           "grammar");
  if (job.grammar.text.size() > kGrammarBytesMax)
    refuse(
        fmt::format("a grammar of {} bytes, at most {} are taken", job.grammar.text.size(), kGrammarBytesMax),
        "grammar");
  if (job.answers < 1 || job.answers > kAnswersMax)
    refuse(fmt::format("must be from 1 to {}, is {}", kAnswersMax, job.answers), "n");
  if (job.wanted != Wanted::kTokens && job.answers != 1)
    refuse("only answers made of tokens may differ", "n", "ask for one");
  if (job.wanted == Wanted::kEmbedding && limits.width == 0)
    throw Error(ErrorCode::kUnsupported, "this model gives no embeddings");
  if (job.wanted == Wanted::kScore)
    throw Error(ErrorCode::kUnsupported, "this model gives no scores: it has no ranking head");
}

void check_root(const Job& job, const model::RunnerLimits& limits) {
  if (job.salt.size() > kv::kSaltBytesMax)
    refuse(fmt::format("{} bytes, at most {} are taken", job.salt.size(), kv::kSaltBytesMax), "salt");
  if (job.salt.find('\0') != std::string::npos) refuse("none of its bytes may be zero", "salt");
  if (job.adapter > 0 && limits.adapters == 0)
    throw Error(ErrorCode::kUnsupported, "the model was loaded without adapters", "adapter");
  if (job.adapter > limits.adapters)
    refuse(fmt::format("there is no adapter {}, the model has {}", job.adapter, limits.adapters), "adapter");
}

}  // namespace

void check_tokens(std::span<const TokenId> tokens, uint32_t vocab, const char* field) {
  const auto outside = std::ranges::find_if(
      tokens, [&](TokenId token) { return token < 0 || static_cast<uint32_t>(token) >= vocab; });
  if (outside != tokens.end())
    refuse(fmt::format("there is no token {}, the vocabulary has {}", *outside, vocab), field);
}

void check_job(const Job& job, const model::RunnerLimits& limits) {
  check_prompt(job.prompt, limits);
  check_stops(job.stop_tokens, limits.vocab);
  check_wanted(job, limits);
  check_root(job, limits);
  sample::validate(job.sampling, limits.vocab);
  check_room(job, limits);
}

// "As many as fit" is an answer that ends where the pool ends, which may be smaller than the context.
uint32_t tokens_end(const Job& job, const model::RunnerLimits& limits) {
  const uint32_t end = end_in_context(job, limits);
  return pages_of_all(end) <= limits.pages ? end : limits.pages * kPageTokens + 1;
}

kv::RootKey root_of(const Job& job) {
  kv::RootKey root;
  root.set_salt(job.salt);
  for (size_t i = 0; i < sizeof(job.adapter); ++i)
    root.adapter[i] = static_cast<uint8_t>(job.adapter >> (8 * i));
  return root;
}

}  // namespace gantry::engine
