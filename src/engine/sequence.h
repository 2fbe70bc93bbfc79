// How far a job has come. Made and checked on the submitter's thread by make_sequence; afterwards only the
// engine's thread touches it, except `cancelled`, which anyone may set.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/ids.h"
#include "engine/job.h"
#include "model/runner.h"

namespace gantry::engine {

struct Sequence {
  JobId id = 0;  // given by who takes the job in
  Job job;                      // its prompt has moved into `tokens`
  std::vector<TokenId> tokens;  // prompt and answer; room for all of it is reserved
  uint32_t prompt_tokens = 0;
  uint32_t end = 0;  // tokens.size() never exceeds this
  std::shared_ptr<std::atomic<bool>> cancelled;

  int32_t slot = -1;           // in sequence memory; negative while waiting
  uint32_t written = 0;        // positions that memory holds
  uint32_t cached_tokens = 0;  // prompt tokens that were found in memory
  uint32_t rows = 0;           // in the step being planned
  bool preempted = false;      // what it finds in memory from now on may be its own

  uint32_t size() const { return static_cast<uint32_t>(tokens.size()); }
  uint32_t pending() const { return size() - written; }  // 1: decoding, more: prefill
  // Positions that the next step but one can need; the last token is never fed back.
  uint32_t positions_soon() const { return size() + 1 < end ? size() + 1 : end - 1; }
};

// Checks the job against the model: Error kInvalidRequest or kTooLarge as Engine::submit says.
std::unique_ptr<Sequence> make_sequence(Job&& job, const model::RunnerLimits& limits);

}  // namespace gantry::engine
