// What a job must be, in one place for all who ask: the engine when a job comes, and whoever wants to know
// before anything is started. Pure; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/ids.h"
#include "engine/job.h"
#include "kv/root_key.h"
#include "model/runner.h"

namespace gantry::engine {

// The prompt leaves no room for an answer, in the model's context or in the memory that it was loaded with.
class PromptTooLong : public Error {
 public:
  explicit PromptTooLong(std::string what)
      : Error(ErrorCode::kInvalidRequest, std::move(what), "prompt",
              "send less, or load the model with a larger context") {}
};

// All of the vocabulary, else Error kInvalidRequest.
void check_tokens(std::span<const TokenId> tokens, uint32_t vocab, const char* field);

// All that can be found wrong with a job without an engine: PromptTooLong, Error kInvalidRequest that names
// the field, kUnsupported for what the model does not give.
void check_job(const Job& job, const model::RunnerLimits& limits);

// The most tokens that prompt and answer of a job can come to that check_job() has nothing against.
uint32_t tokens_end(const Job& job, const model::RunnerLimits& limits);

// Under which what it computes may be shared, of such a job. One engine has one model, so that an adapter's
// number names it.
kv::RootKey root_of(const Job& job);

}  // namespace gantry::engine
