#include "engine/sequence.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "engine/job_check.h"

namespace gantry::engine {
namespace {

std::unique_ptr<sample::LogitStage> make_stage(const Job& job, uint32_t vocab, const EngineOptions& options) {
  if (job.grammar.kind.empty()) return nullptr;
  std::unique_ptr<sample::LogitStage> stage;
  if (options.make_stage) stage = options.make_stage(job.grammar, vocab);
  if (stage == nullptr)
    throw Error(ErrorCode::kUnsupported,
                fmt::format("grammars of kind '{}' are not understood here", job.grammar.kind), "grammar",
                "ask without one, or for another kind");
  return stage;
}

// One answer; the job has been checked.
std::unique_ptr<Sequence> make_answer(Job&& job, std::shared_ptr<TokenSink> sink,
                                      const model::RunnerLimits& limits, const EngineOptions& options) {
  auto sequence = std::make_unique<Sequence>();
  sequence->end = tokens_end(job, limits);
  sequence->root = root_of(job);
  sequence->prompt_tokens = static_cast<uint32_t>(job.prompt.size());
  sequence->stage = make_stage(job, limits.vocab, options);
  sequence->sink = std::move(sink);
  if (job.deadline_ms != 0) sequence->deadline = options.clock() + std::chrono::milliseconds(job.deadline_ms);
  sequence->tokens = std::move(job.prompt);
  sequence->tokens.reserve(sequence->end);
  // What a stage allows behind a guess it would have to be asked before the guess is known to be right.
  sequence->guesses = options.drafts != nullptr && sequence->stage == nullptr;
  if (sequence->guesses) sequence->draft.reserve(kDraftMax);
  if (job.wanted == Wanted::kEmbedding) sequence->values.resize(limits.width);
  sequence->job = std::move(job);
  sequence->cancelled = std::make_shared<std::atomic<bool>>(false);
  return sequence;
}

}  // namespace

std::unique_ptr<Sequence> make_sequence(Job&& job, std::vector<std::shared_ptr<TokenSink>> sinks,
                                        const model::RunnerLimits& limits, const EngineOptions& options) {
  check_job(job, limits);
  if (sinks.size() != job.answers || std::ranges::find(sinks, nullptr) != sinks.end())
    throw Error(ErrorCode::kInvalidRequest, "an answer has nobody who listens to it", "sink");
  std::vector<std::unique_ptr<Sequence>> followers;
  for (size_t i = 1; i < sinks.size(); ++i) {
    Job further = job;
    further.sampling.seed += i;
    followers.push_back(make_answer(std::move(further), std::move(sinks[i]), limits, options));
  }
  auto sequence = make_answer(std::move(job), std::move(sinks[0]), limits, options);
  sequence->followers = std::move(followers);
  return sequence;
}

}  // namespace gantry::engine
