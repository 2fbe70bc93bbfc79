#include "tests/sim/sim_jobs.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"
#include "base/windows.h"
#include "sample/sampler.h"

namespace gantry::sim {

using engine::FinishReason;

RecordingSink::RecordingSink(uint32_t leave_after, size_t reserve) : leave_after_(leave_after) {
  answer_.tokens.reserve(reserve);
  answer_.logprobs.reserve(reserve);
  answer_.top.reserve(reserve * sample::kTopLogprobsMax);
}

bool RecordingSink::on_token(const engine::TokenEvent& event) {
  GANTRY_CHECK(!finished());
  GANTRY_CHECK(!left_ || event.finish != FinishReason::kNone);
  answer_.finish = event.finish;
  answer_.cached_tokens = event.cached_tokens;
  if (event.finish == FinishReason::kError) {
    GANTRY_CHECK(event.error != nullptr);
    answer_.error = event.error->code();
  }
  if (event.token == kNoToken) {
    GANTRY_CHECK(event.finish != FinishReason::kNone);
    return true;
  }
  answer_.tokens.push_back(event.token);
  answer_.logprobs.push_back(event.logprob);
  answer_.top.insert(answer_.top.end(), event.top.begin(), event.top.begin() + event.top_count);
  left_ = leave_after_ > 0 && answer_.tokens.size() >= leave_after_;
  return !left_;
}

namespace {

sample::SamplingParams random_sampling(Dice& dice, uint32_t vocab) {
  sample::SamplingParams params;
  if (dice.chance(0.3)) params.temperature = 0;
  if (dice.chance(0.3)) params.temperature = 0.5 + dice.roll(0, 10) * 0.1;
  if (dice.chance(0.3)) params.top_k = dice.roll(1, 20);
  if (dice.chance(0.3)) params.top_p = dice.roll(1, 99) * 0.01;
  if (dice.chance(0.2)) params.min_p = dice.roll(1, 20) * 0.01;
  if (dice.chance(0.1)) params.typical_p = dice.roll(50, 99) * 0.01;
  if (dice.chance(0.2)) params.repetition_penalty = 1.1;
  if (dice.chance(0.2)) params.presence_penalty = 0.5;
  if (dice.chance(0.2)) params.frequency_penalty = 0.25;
  if (dice.chance(0.2)) params.penalty_window = dice.roll(1, 64);
  if (dice.chance(0.2)) params.logit_bias = {{static_cast<TokenId>(dice.roll(0, vocab - 1)), 4.0f}};
  params.seed = dice.roll(0, 1000);
  return params;
}

}  // namespace

TierSizes random_host(Dice& dice, const model::RunnerLimits& limits) {
  TierSizes host;
  host.pages = dice.chance(0.5) ? dice.roll(0, 6) : dice.roll(0, 3 * limits.pages);
  if (limits.recurrent) host.states = dice.chance(0.5) ? dice.roll(0, 3) : dice.roll(0, 40);
  for (const auto& window : limits.windows)
    host.window_pages.push_back(dice.chance(0.5) ? dice.roll(0, 6) : dice.roll(0, 3 * window.pages));
  return host;
}

engine::Job random_job(Dice& dice, uint32_t vocab, uint32_t tokens_limit, uint32_t adapters) {
  engine::Job job;
  const uint32_t length = dice.roll(1, tokens_limit - 1);
  // One of three beginnings, of any length; the rest is the job's own.
  Dice shared(1000 + dice.roll(0, 2));
  const uint32_t same = dice.chance(0.2) ? length : dice.roll(0, length);
  for (uint32_t i = 0; i < length; ++i)
    job.prompt.push_back(static_cast<TokenId>((i < same ? shared : dice).roll(0, vocab - 1)));
  // All pages alike: only what stands before them tells them apart.
  if (dice.chance(0.1)) std::fill(job.prompt.begin(), job.prompt.end(), job.prompt[0]);
  job.tokens_max = dice.chance(0.1) ? 0 : dice.roll(1, tokens_limit - length);
  job.sampling = random_sampling(dice, vocab);
  if (dice.chance(0.5)) job.stop_tokens = {static_cast<TokenId>(dice.roll(0, vocab - 1))};
  job.logprobs = dice.chance(0.2);
  job.top_logprobs = job.logprobs ? dice.roll(0, 5) : 0;
  if (dice.chance(0.2)) job.priority = static_cast<int32_t>(dice.roll(0, 2)) - 1;
  if (dice.chance(0.2)) job.salt = dice.chance(0.5) ? "one" : "another";
  if (dice.chance(0.5)) job.client = dice.roll(0, 3);
  if (adapters > 0) job.adapter = dice.roll(0, adapters);
  return job;
}

void remember_by(SimKind kind, Dice& dice, model::RunnerLimits& limits) {
  const uint32_t sequences = limits.sequences_max;
  limits.recurrent = kind == SimKind::kState || kind == SimKind::kBoth;
  for (uint32_t n = kind == SimKind::kWindows ? dice.roll(1, 2) : 0; n > 0; --n) {
    const uint32_t window = dice.roll(1, 100);
    limits.windows.push_back({window, sequences * window_share(window, limits.rows_max)});
  }
  if (limits.recurrent) limits.checkpoints = dice.chance(0.5) ? dice.roll(0, 4) : dice.roll(0, 6 * sequences);
}

Answer answer_alone(const SimModel& model, engine::Job job, uint32_t tokens_end, uint32_t number) {
  job.sampling.seed += number;
  Answer answer;
  sample::Sampler sampler(model.vocab);
  std::vector<float> logits(model.vocab);
  std::vector<TokenId> tokens = job.prompt;
  uint64_t fold = SimModel::kEmpty, cell = 0;
  std::vector<uint64_t> cells;
  uint32_t position = 0;
  while (answer.finish == FinishReason::kNone) {
    for (; position < tokens.size(); ++position) {
      if (!model.windows.empty()) fold = model.seen(position, [&](size_t, uint32_t p) { return cells[p]; });
      cell = model.cell(fold, tokens[position], position, job.adapter);
      cells.push_back(cell);
      fold = model.extend(fold, cell);
    }
    model.logits(cell, logits);
    const sample::Pick pick = sampler.pick(logits, {.params = &job.sampling,
                                                    .tokens = tokens,
                                                    .prompt_tokens = job.prompt.size(),
                                                    .allowed = {},
                                                    .logprobs = job.logprobs,
                                                    .top_logprobs = job.top_logprobs});
    tokens.push_back(pick.token);
    answer.tokens.push_back(pick.token);
    answer.logprobs.push_back(pick.logprob);
    answer.top.insert(answer.top.end(), pick.top.begin(), pick.top.begin() + pick.top_count);
    if (std::find(job.stop_tokens.begin(), job.stop_tokens.end(), pick.token) != job.stop_tokens.end())
      answer.finish = FinishReason::kStop;
    else if (tokens.size() == tokens_end || (job.tokens_max > 0 && answer.tokens.size() == job.tokens_max))
      answer.finish = FinishReason::kLength;
  }
  return answer;
}

std::string difference(const Answer& alone, const Answer& heard) {
  const bool whole = heard.finish == FinishReason::kStop || heard.finish == FinishReason::kLength;
  if (whole && (heard.finish != alone.finish || heard.tokens.size() != alone.tokens.size()))
    return fmt::format("{} tokens and end {}, alone {} and {}", heard.tokens.size(),
                       static_cast<int>(heard.finish), alone.tokens.size(), static_cast<int>(alone.finish));
  if (heard.tokens.size() > alone.tokens.size()) return "more tokens than alone";
  for (size_t i = 0; i < heard.tokens.size(); ++i)
    if (heard.tokens[i] != alone.tokens[i] || heard.logprobs[i] != alone.logprobs[i])
      return fmt::format("token {} is {} ({}), alone {} ({})", i, heard.tokens[i], heard.logprobs[i],
                         alone.tokens[i], alone.logprobs[i]);
  for (size_t i = 0; i < heard.top.size(); ++i)
    if (heard.top[i].token != alone.top[i].token || heard.top[i].logprob != alone.top[i].logprob)
      return fmt::format("top logprob {} differs", i);
  return {};
}

}  // namespace gantry::sim
