// What is asked of an engine, and what it says back. Token ids only: text lives in completion/.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "sample/logit_stage.h"
#include "sample/params.h"
#include "sample/sampler.h"

namespace gantry::engine {

inline constexpr uint32_t kStopTokensMax = 1024;  // of one job

enum class FinishReason : uint8_t {
  kNone,       // more to come
  kStop,       // a stop token (the event carries it; it is not part of the answer's text)
  kLength,     // tokens_max or the context is used up
  kCancelled,  // cancel() or the sink asked for it
  kError,      // `error` says why
};

using sample::TokenLogprob;

struct TokenEvent {
  JobId job = 0;
  TokenId token = kNoToken;  // kNoToken: this event only finishes
  float logprob = 0;         // filled when Job::logprobs
  uint32_t top_count = 0;
  std::array<TokenLogprob, sample::kTopLogprobsMax> top;  // the most likely, best first
  FinishReason finish = FinishReason::kNone;
  const Error* error = nullptr;  // kError only; lives during the call
  uint32_t prompt_tokens = 0;
  uint32_t cached_tokens = 0;  // prompt tokens that needed no computing (prefix cache)
};

// Hears of a job's tokens, in order, on the engine's thread: must be quick, must not block, must not throw.
// The last call has finish != kNone. Returning false cancels the job (a client that went away, a stop string
// that was found).
class TokenSink {
 public:
  virtual ~TokenSink() = default;
  virtual bool on_token(const TokenEvent& event) = 0;
};

struct Job {
  std::vector<TokenId> prompt;  // at least one token
  sample::SamplingParams sampling;
  uint32_t tokens_max = 0;           // 0: as many as the context holds
  std::vector<TokenId> stop_tokens;  // end the answer (end-of-generation tokens of the vocabulary among them)
  bool logprobs = false;
  uint32_t top_logprobs = 0;  // at most sample::kTopLogprobsMax
  std::vector<std::shared_ptr<sample::LogitStage>> stages;
  std::shared_ptr<TokenSink> sink;
};

}  // namespace gantry::engine
