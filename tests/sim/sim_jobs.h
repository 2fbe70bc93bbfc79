// Jobs for the simulation: what is asked, who listens, and what the answer must be.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/rng.h"
#include "engine/job.h"
#include "model/runner.h"
#include "tests/sim/sim_runner.h"

namespace gantry::sim {

// Numbers for a test, all from one seed.
class Dice {
 public:
  explicit Dice(uint64_t seed) : seed_(seed) {}
  // Uniform in [low, high].
  uint32_t roll(uint32_t low, uint32_t high) {
    return low + static_cast<uint32_t>(uniform_at(seed_, count_++, 7) * (high - low + 1));
  }
  bool chance(double probability) { return uniform_at(seed_, count_++, 7) < probability; }

 private:
  uint64_t seed_, count_ = 0;
};

// What a finished job has said.
struct Answer {
  std::vector<TokenId> tokens;
  std::vector<float> logprobs;
  std::vector<engine::TokenLogprob> top;  // of all tokens, one after the other
  engine::FinishReason finish = engine::FinishReason::kNone;
  ErrorCode error = ErrorCode::kInternal;  // kError only
  uint32_t cached_tokens = 0;
};

// Keeps the answer; leaves after `leave_after` tokens (0: stays). Nothing is reported after the end.
class RecordingSink final : public engine::TokenSink {
 public:
  explicit RecordingSink(uint32_t leave_after = 0, size_t reserve = 0);
  bool on_token(const engine::TokenEvent& event) override;
  const Answer& answer() const { return answer_; }
  bool finished() const { return answer_.finish != engine::FinishReason::kNone; }

 private:
  const uint32_t leave_after_;
  bool left_ = false;
  Answer answer_;
};

// What a host's tier may have for these: none of a kind, too little, plenty.
TierSizes random_host(Dice& dice, const model::RunnerLimits& limits);

// A job with random prompt, sampling, stops, salt and adapter; prompts often share their beginning. Fits a
// context and pool of `tokens_limit` tokens.
engine::Job random_job(Dice& dice, uint32_t vocab, uint32_t tokens_limit, uint32_t adapters = 0);

// What a model of this kind remembers by, of random extent: windows, states and from no checkpoint to plenty.
void remember_by(SimKind kind, Dice& dice, model::RunnerLimits& limits);

// The answer of a job to whom the whole machine belongs: no pages, no batch, no engine. `number`: of its
// answers.
Answer answer_alone(const SimModel& model, engine::Job job, uint32_t tokens_end, uint32_t number = 0);

// Empty when `heard` is `alone`, or a beginning of it if the job was cut short; else what differs.
std::string difference(const Answer& alone, const Answer& heard);

}  // namespace gantry::sim
