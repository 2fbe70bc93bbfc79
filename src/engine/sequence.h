// How far a job has come. Made and checked on the submitter's thread by make_sequence; afterwards only the
// engine's thread touches it, except `cancelled`, which anyone may set.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "engine/engine.h"
#include "engine/job.h"
#include "kv/root_key.h"
#include "model/runner.h"
#include "sample/logit_stage.h"

namespace gantry::engine {

enum class Phase : uint8_t {
  kPrefill,  // its tokens are being written, in slices; the last row gives the next one
  kDecode,   // one row, the token picked last
  kVerify,   // decodes, and has tokens guessed beyond that one: a row for each, dropped where they are wrong
};

struct Sequence {
  JobId id = 0;       // given by who takes the job in
  uint64_t turn = 0;  // its place among the clients: base/fair_turns.h
  Job job;            // its prompt has moved into `tokens`
  std::shared_ptr<TokenSink> sink;
  std::unique_ptr<sample::LogitStage> stage;  // none: every token may be picked
  Clock::time_point deadline = Clock::time_point::max();
  std::vector<TokenId> tokens;  // prompt and answer; room for all of it is reserved
  kv::RootKey root;             // who may share what it computes
  uint32_t prompt_tokens = 0;
  uint32_t end = 0;      // tokens.size() never exceeds this
  bool guesses = false;  // verifies drafts where others decode
  std::shared_ptr<std::atomic<bool>> cancelled;

  Phase phase = Phase::kPrefill;
  int32_t slot = -1;           // in sequence memory; negative while waiting
  uint32_t written = 0;        // positions that memory holds
  uint32_t cached_tokens = 0;  // prompt tokens that were found in memory
  uint32_t rows = 0;           // in the step being planned
  uint64_t patience = 0;       // tokens of jobs that may still pass it while it waits for pages
  uint32_t reached = 0;        // positions that were written when it last gave way, or more
  bool preempted = false;      // what it finds in memory from now on may be its own
  bool under_way = false;      // it has rows in the step that the runner computes
  bool due = false;            // and that step gives what comes next
  std::vector<float> values;   // room for an embedding
  std::vector<TokenId> draft;  // for the step being planned
  uint32_t guessed = 0;        // of `tokens` the last are a draft, in the step that the runner computes

  // Further answers to its prompt: they begin where its last row has been computed, and until then are not in
  // the scheduler's lists.
  std::vector<std::unique_ptr<Sequence>> followers;
  // By jobs that came later: while it followed, when it could not go back, or as its client had enough.
  bool overtaken = false;

  uint32_t answers() const { return 1 + static_cast<uint32_t>(followers.size()); }
  void guess() {
    tokens.insert(tokens.end(), draft.begin(), draft.end());
    guessed = static_cast<uint32_t>(draft.size());
  }
  // What comes next. True where it had been guessed, so that what was picked behind it stands.
  bool append(TokenId token) {
    const uint32_t at = size();
    if (guessed > 0 && tokens[at] == token) {
      --guessed;
      return true;
    }
    tokens.resize(at);
    tokens.push_back(token);
    guessed = 0;
    return false;
  }
  void take_ids(JobId first) {
    id = first;
    for (const auto& follower : followers) follower->id = ++first;
  }
  uint32_t size() const { return static_cast<uint32_t>(tokens.size()) - guessed; }
  // Once what is due has come.
  uint32_t size_soon() const { return size() + (due ? 1u : 0u); }
  // Tokens that memory does not hold yet; where a draft is verified, at best.
  uint32_t pending() const { return size_soon() + guessed - written; }
  // Positions that the next step but one can need; the last token is never fed back.
  uint32_t positions_soon() const { return size_soon() + 1 < end ? size_soon() + 1 : end - 1; }
};

// Of two sequences the one that is admitted first and gives way last: a total order.
inline bool goes_before(const Sequence& a, const Sequence& b) {
  if (a.job.priority != b.job.priority) return a.job.priority > b.job.priority;
  return a.turn != b.turn ? a.turn < b.turn : a.id < b.id;
}

// Checks the job against the model: Errors as Engine::submit says. Its time begins to run. A sink for each
// answer; all but the first become followers.
std::unique_ptr<Sequence> make_sequence(Job&& job, std::vector<std::shared_ptr<TokenSink>> sinks,
                                        const model::RunnerLimits& limits, const EngineOptions& options = {});
inline std::unique_ptr<Sequence> make_sequence(Job&& job, std::shared_ptr<TokenSink> sink,
                                               const model::RunnerLimits& limits,
                                               const EngineOptions& options = {}) {
  std::vector<std::shared_ptr<TokenSink>> sinks;
  sinks.push_back(std::move(sink));
  return make_sequence(std::move(job), std::move(sinks), limits, options);
}

}  // namespace gantry::engine
