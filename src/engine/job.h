// What is asked of an engine, and what it says back: plain data, so that an engine in another process can be
// asked the same (codec.h). Token ids only: text lives in completion/.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "sample/params.h"
#include "sample/sampler.h"

namespace gantry::engine {

inline constexpr size_t kGrammarKindBytesMax = 32;
inline constexpr size_t kGrammarBytesMax = size_t{1} << 20;
inline constexpr uint32_t kAnswersMax = 64;  // of one job

// What an answer must look like. The engine does not speak the language: EngineOptions::make_stage does.
struct Grammar {
  std::string kind;  // of language; empty: any answer will do
  std::string text;
  bool operator==(const Grammar&) const = default;
};

enum class Wanted : uint8_t {
  kTokens,     // an answer
  kEmbedding,  // the hidden state of the prompt's last token, after the output norm; no answer
  kScore,  // how well the two texts of which the prompt is made fit, by the model's ranking head; no answer
};
inline constexpr uint8_t kWantedCount = 3;

struct Job {
  std::vector<TokenId> prompt;  // at least one token
  sample::SamplingParams sampling;
  uint32_t tokens_max = 0;           // 0: as many as the context holds
  std::vector<TokenId> stop_tokens;  // end the answer (end-of-generation tokens of the vocabulary among them)
  bool logprobs = false;
  uint32_t top_logprobs = 0;  // at most sample::kTopLogprobsMax
  Grammar grammar;
  Wanted wanted = Wanted::kTokens;
  // Whose it is, by a number that its server gives: of equal priority clients have fair turns and shares.
  uint64_t client = 0;
  int32_t priority = 0;  // the higher is admitted first
  uint32_t deadline_ms =
      0;  // from its submission; a job that is not done by then ends with kTimeout. 0: none
  uint32_t first_token_ms = 0;  // refused where its first token is expected later than that. 0: it may wait
  // Parts those who must not learn from timing what others asked: what is kept of prompts is shared among
  // jobs of equal salts only. At most kv::kSaltBytesMax bytes, none of them zero.
  std::string salt;
  uint32_t adapter = 0;  // of those the model was loaded with, numbered from 1; 0: none
  uint32_t answers =
      1;  // to the one prompt, at most kAnswersMax, each with the seed after that of the one before
  bool operator==(const Job&) const = default;
};

enum class FinishReason : uint8_t {
  kNone,       // more to come
  kStop,       // a stop token (the event carries it; it is not part of the answer's text)
  kLength,     // tokens_max or the context is used up
  kDone,       // what was wanted beside tokens is in the event
  kCancelled,  // cancel() or the sink asked for it
  kError,      // `error` says why
};
inline constexpr uint8_t kFinishReasonCount = 6;

using sample::TokenLogprob;

struct TokenEvent {
  JobId job = 0;
  TokenId token = kNoToken;  // kNoToken: this event only finishes
  float logprob = 0;         // filled when Job::logprobs
  uint32_t top_count = 0;
  std::array<TokenLogprob, sample::kTopLogprobsMax> top;  // the most likely, best first
  FinishReason finish = FinishReason::kNone;
  std::shared_ptr<const Error> error;  // kError only
  uint32_t prompt_tokens = 0;
  uint32_t cached_tokens = 0;  // prompt tokens that needed no computing (prefix cache)
  std::vector<float> values;   // kDone only: the embedding
};

// Hears of a job's tokens, in order, on the engine's thread: must be quick, must not block, must not throw.
// The last call has finish != kNone. Returning false cancels the job (a client that went away, a stop string
// that was found).
class TokenSink {
 public:
  virtual ~TokenSink() = default;
  virtual bool on_token(const TokenEvent& event) = 0;
};

}  // namespace gantry::engine
