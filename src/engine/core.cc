#include "engine/core.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/log.h"

namespace gantry::engine {
namespace {

uint32_t step_rows_of(const model::RunnerLimits& limits, const EngineOptions& options) {
  return options.step_rows == 0 ? limits.rows_max : std::min(options.step_rows, limits.rows_max);
}

kv::MemoryLayout memory_layout(const model::RunnerLimits& limits, uint32_t slots, bool prefix_cache,
                               uint64_t hash_mask) {
  // States that belong to no slot serve as checkpoints.
  std::vector<kv::MemoryLayout::Window> windows;
  for (const auto& [window, pages] : limits.windows) windows.push_back({window, pages});
  const uint32_t states = limits.sequences_max + limits.checkpoints;
  return {.pages = limits.pages,
          .slots = slots,
          .pages_max = limits.pages_max,
          .prefix_cache = prefix_cache,
          .recurrent = limits.recurrent,
          .checkpoints = limits.recurrent ? states - slots : 0,
          .windows = windows,
          .hash_mask = hash_mask};
}

}  // namespace

EngineCore::EngineCore(model::Runner& runner, const EngineOptions& options, uint64_t hash_mask)
    : runner_(runner),
      limits_(runner.limits()),
      step_rows_(step_rows_of(limits_, options)),
      running_max_(std::min({limits_.sequences_max, limits_.logit_rows_max, step_rows_})),
      clock_(options.clock),
      memory_(memory_layout(limits_, running_max_, options.prefix_cache, hash_mask)),
      scheduler_(memory_, options.queue_max, running_max_, step_rows_),
      sampler_(limits_.vocab),
      late_(std::make_shared<Error>(ErrorCode::kTimeout, "the job was not done by its deadline")),
      logits_(size_t{running_max_} * limits_.vocab),
      allowed_(sample::mask_words(limits_.vocab)) {
  finished_.reserve(size_t{options.queue_max} + 2 * running_max_);
  stepping_.reserve(running_max_);
  tokens_.reserve(step_rows_);
  positions_.reserve(step_rows_);
  slots_.reserve(step_rows_);
  logit_rows_.reserve(running_max_);
}

void EngineCore::add(std::unique_ptr<Sequence> sequence) {
  Sequence* s = sequence.get();
  scheduler_.add(std::move(sequence));
  if (failure_) finish(s, FinishReason::kError, failure_);
}

bool EngineCore::step() {
  drop_unwanted();
  if (!scheduler_.plan()) return false;
  build_batch();
  if (!run_batch()) return true;
  commit_rows();
  size_t row = 0;
  for (Sequence* s : stepping_) {
    if (s->written < s->size()) continue;
    take_token(*s, std::span(logits_).subspan(row++ * limits_.vocab, limits_.vocab));
  }
  return true;
}

void EngineCore::drop_unwanted() {
  const Clock::time_point now = clock_();
  for (const auto list : {scheduler_.running(), scheduler_.waiting()})
    for (size_t i = list.size(); i-- > 0;) {
      Sequence* s = list[i].get();
      if (s->cancelled->load(std::memory_order_relaxed))
        finish(s, FinishReason::kCancelled);
      else if (s->deadline <= now)
        finish(s, FinishReason::kError, late_);
    }
}

// Decoding sequences first, then the slices of prefills.
void EngineCore::build_batch() {
  stepping_.clear();
  tokens_.clear();
  positions_.clear();
  slots_.clear();
  logit_rows_.clear();
  memory_.begin_step();
  for (const auto& s : scheduler_.running())
    if (s->rows > 0 && s->phase != Phase::kPrefill) append_rows(*s);
  for (const auto& s : scheduler_.running())
    if (s->rows > 0 && s->phase == Phase::kPrefill) append_rows(*s);
}

void EngineCore::append_rows(Sequence& s) {
  stepping_.push_back(&s);
  memory_.will_write(s.slot, s.tokens, s.written + s.rows);
  for (uint32_t i = 0; i < s.rows; ++i) {
    tokens_.push_back(s.tokens[s.written + i]);
    positions_.push_back(static_cast<int32_t>(s.written + i));
    slots_.push_back(s.slot);
  }
  if (s.rows == s.pending()) logit_rows_.push_back(static_cast<int32_t>(tokens_.size() - 1));
}

bool EngineCore::run_batch() {
  const model::Batch batch{tokens_,
                           positions_,
                           slots_,
                           memory_.tables(),
                           logit_rows_,
                           memory_.copies_before(),
                           memory_.copies_after(),
                           memory_.window_tables()};
  try {
    runner_.step(batch, std::span(logits_).first(logit_rows_.size() * limits_.vocab));
    return true;
  } catch (const Error& error) {
    fail(error);
  } catch (const std::exception& error) {
    fail(Error(ErrorCode::kDevice, error.what()));
  }
  return false;
}

void EngineCore::commit_rows() {
  ++stats_.steps;
  stats_.rows += tokens_.size();
  for (Sequence* s : stepping_) {
    s->written += s->rows;
    memory_.commit(s->slot, s->tokens, s->written);
  }
}

void EngineCore::take_token(Sequence& s, std::span<float> logits) {
  const Job& job = s.job;
  if (s.stage != nullptr) {
    std::fill(allowed_.begin(), allowed_.end(), ~uint64_t{0});
    s.stage->mask(allowed_);
  }
  const sample::Pick pick = sampler_.pick(logits, {.params = &job.sampling,
                                                   .tokens = s.tokens,
                                                   .prompt_tokens = s.prompt_tokens,
                                                   .allowed = s.stage ? allowed_ : std::span<uint64_t>(),
                                                   .logprobs = job.logprobs,
                                                   .top_logprobs = job.top_logprobs});
  if (pick.problem != sample::PickProblem::kNone) {
    const bool model = pick.problem == sample::PickProblem::kNoFiniteLogits;
    Error error = model ? Error(ErrorCode::kBadFile, "the model produced no finite logits", "",
                                "its numbers are damaged: fetch or convert the file again")
                        : Error(ErrorCode::kInvalidRequest,
                                "the request's grammar and logit bias leave no token to pick");
    return finish(&s, FinishReason::kError, std::make_shared<Error>(std::move(error)));
  }
  if (s.size() == s.prompt_tokens) {
    stats_.prompt_tokens += s.prompt_tokens;
    stats_.cached_tokens += s.cached_tokens;
  }
  ++stats_.generated_tokens;
  s.tokens.push_back(pick.token);
  s.phase = Phase::kDecode;
  if (s.stage != nullptr) s.stage->accept(pick.token);

  TokenEvent event;
  event.token = pick.token;
  event.logprob = pick.logprob;
  event.top_count = pick.top_count;
  event.top = pick.top;
  event.finish = reason_after(s, pick.token);
  const bool wanted = tell(s, event);
  if (event.finish != FinishReason::kNone)
    forget(&s, event.finish);
  else if (!wanted)
    finish(&s, FinishReason::kCancelled);
}

FinishReason EngineCore::reason_after(const Sequence& s, TokenId token) const {
  const auto& stops = s.job.stop_tokens;
  if (std::find(stops.begin(), stops.end(), token) != stops.end()) return FinishReason::kStop;
  return s.size() >= s.end ? FinishReason::kLength : FinishReason::kNone;
}

// False when the sink wants no more. A sink that throws breaks its word; it loses its job, nobody else's.
bool EngineCore::tell(const Sequence& s, TokenEvent& event) {
  event.job = s.id;
  event.prompt_tokens = s.prompt_tokens;
  event.cached_tokens = s.cached_tokens;
  try {
    return s.sink->on_token(event);
  } catch (...) {
    log::error("engine", "job {}: its sink threw", s.id);
    return false;
  }
}

void EngineCore::finish(Sequence* s, FinishReason reason, std::shared_ptr<const Error> error) {
  TokenEvent event;
  event.finish = reason;
  event.error = std::move(error);
  tell(*s, event);
  forget(s, reason);
}

void EngineCore::forget(Sequence* s, FinishReason reason) {
  finished_.push_back(s->id);
  switch (reason) {
    case FinishReason::kNone:
      GANTRY_CHECK(false);
    case FinishReason::kStop:
    case FinishReason::kLength:
    case FinishReason::kDone:
      ++stats_.jobs_done;
      break;
    case FinishReason::kCancelled:
      ++stats_.jobs_cancelled;
      break;
    case FinishReason::kError:
      ++stats_.jobs_failed;
      break;
  }
  scheduler_.remove(s);
}

void EngineCore::fail(Error error) {
  log::error("engine", "the device has failed, all jobs end: {}", error.what());
  failure_ = std::make_shared<Error>(std::move(error));
  while (!scheduler_.running().empty())
    finish(scheduler_.running().back().get(), FinishReason::kError, failure_);
  while (!scheduler_.waiting().empty())
    finish(scheduler_.waiting().back().get(), FinishReason::kError, failure_);
}

void EngineCore::cancel_all() {
  while (!scheduler_.running().empty()) finish(scheduler_.running().back().get(), FinishReason::kCancelled);
  while (!scheduler_.waiting().empty()) finish(scheduler_.waiting().back().get(), FinishReason::kCancelled);
}

EngineStats EngineCore::stats() const {
  EngineStats stats = stats_;
  stats.preemptions = scheduler_.preemptions();
  stats.running = static_cast<uint32_t>(scheduler_.running().size());
  stats.waiting = static_cast<uint32_t>(scheduler_.waiting().size());
  stats.pages_free = memory_.free();
  stats.pages_cached = memory_.kept();
  stats.pages = memory_.pages();
  return stats;
}

void EngineCore::check() const {
  memory_.check();
  const auto in_order = [](const auto& a, const auto& b) { return goes_before(*a, *b); };
  GANTRY_CHECK(std::ranges::is_sorted(scheduler_.running(), in_order));
  GANTRY_CHECK(std::ranges::is_sorted(scheduler_.waiting(), in_order));
  for (const auto& s : scheduler_.running()) {
    for (const auto& other : scheduler_.waiting())
      GANTRY_CHECK(s->job.priority != other->job.priority || s->id < other->id);
    GANTRY_CHECK_EQ(s->written, memory_.written(s->slot));
    GANTRY_CHECK_LT(s->written, s->size());
    GANTRY_CHECK_LT(s->size(), s->end);
  }
  for (const auto& s : scheduler_.waiting()) GANTRY_CHECK_LT(s->slot, 0);
}

}  // namespace gantry::engine
