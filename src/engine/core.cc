#include "engine/core.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "base/page_records.h"

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
          .host = limits.host,
          .fetched_max = fetched_in_step(limits.rows_max),
          .hash_mask = hash_mask};
}

Error problem_of(sample::PickProblem problem) {
  if (problem == sample::PickProblem::kNoFiniteLogits)
    return Error(ErrorCode::kBadFile, "the model produced no finite logits", "",
                 "its numbers are damaged: fetch or convert the file again");
  return Error(ErrorCode::kInvalidRequest, "the request's grammar and logit bias leave no token to pick");
}

}  // namespace

EngineCore::EngineCore(model::Runner& runner, const EngineOptions& options, uint64_t hash_mask)
    : runner_(runner),
      limits_(runner.limits()),
      step_rows_(step_rows_of(limits_, options)),
      running_max_(std::min({limits_.sequences_max, limits_.logit_rows_max, step_rows_})),
      clock_(options.clock),
      memory_(memory_layout(limits_, running_max_, options.prefix_cache, hash_mask)),
      scheduler_(memory_, waiting_max(options), running_max_, step_rows_, options.drafts,
                 limits_.logit_rows_max),
      step_(limits_, running_max_, step_rows_),
      budget_(step_rows_, options.step_time, options.gap),
      late_(std::make_shared<Error>(ErrorCode::kTimeout, "the job was not done by its deadline")) {
  finished_.reserve(size_t{waiting_max(options)} + 2 * running_max_);
  leaving_.reserve(running_max_);
  words_.reserve(limits_.logit_rows_max);
}

EngineCore::~EngineCore() {
  if (!under_way_) return;
  try {
    runner_.land();  // it reads what is about to go
  } catch (const std::exception& error) {
    log::error("engine", "the last step failed: {}", error.what());
  }
}

void EngineCore::add(std::unique_ptr<Sequence> sequence) {
  scheduler_.add(std::move(sequence));
  if (failure_) finish_all(FinishReason::kError, failure_);
}

bool EngineCore::step() {
  drop_unwanted();
  prepare();
  const bool landed = under_way_;
  if (landed && !land()) return true;
  const bool launched = launch();
  tell_words();
  return landed || launched;
}

EngineCore::Verdict EngineCore::verdict_on(const Sequence& s, Clock::time_point now) const {
  if (s.cancelled->load(std::memory_order_relaxed)) return {FinishReason::kCancelled};
  if (s.deadline <= now) return {FinishReason::kError, late_};
  return {};
}

// Those that take part in the step under way are looked at when it lands; their followers here. Who follows
// one that is dropped waits from now on, and has been looked at.
void EngineCore::drop_unwanted() {
  const Clock::time_point now = clock_();
  for (const bool waiting : {false, true})
    for (size_t i = (waiting ? scheduler_.waiting() : scheduler_.running()).size(); i-- > 0;) {
      Sequence& s = *(waiting ? scheduler_.waiting() : scheduler_.running())[i];
      std::erase_if(s.followers, [&](const auto& follower) {
        const Verdict verdict = verdict_on(*follower, now);
        if (verdict.reason == FinishReason::kNone) return false;
        scheduler_.settle(*follower);
        tell_end(*follower, verdict.reason, verdict.error);
        return true;
      });
      if (s.under_way) continue;
      const Verdict verdict = verdict_on(s, now);
      if (verdict.reason != FinishReason::kNone) finish(&s, verdict.reason, verdict.error);
    }
}

// Who takes part in the next step. A sequence whose last token is on its way needs its pages no more.
void EngineCore::prepare() {
  const auto running = scheduler_.running();
  for (size_t i = running.size(); i-- > 0;)
    if (running[i]->due && running[i]->size() + 1 >= running[i]->end)
      leaving_.push_back(scheduler_.remove(running[i].get()));
  prepared_ = scheduler_.plan(budget_);
  if (prepared_) step_.copy_tables(memory_, scheduler_.running());
}

// False when the device has failed; everything has then ended.
bool EngineCore::land() {
  model::Outputs outputs;
  try {
    outputs = runner_.land();
  } catch (const Error& error) {
    fail(error);
  } catch (const std::exception& error) {
    fail(Error(ErrorCode::kDevice, error.what()));
  }
  if (failure_) return false;
  under_way_ = false;
  const Clock::time_point now = clock_();
  budget_.took(step_.work(), now - launched_at_);
  since_end_ += std::chrono::duration<double>(now - launched_at_).count();
  for (const Step::Part& part : step_.parts()) take_result(part, now, outputs);
  return true;
}

// `left`: what has not been taken yet, in the order of the parts.
void EngineCore::take_result(const Step::Part& part, Clock::time_point now, model::Outputs& left) {
  Sequence& s = *part.sequence;
  s.under_way = s.due = false;
  std::span<const sample::Pick> picks;
  std::span<const float> values;
  if (part.gives && s.job.wanted == Wanted::kEmbedding) {
    values = left.hidden.first(limits_.width);
    left.hidden = left.hidden.subspan(limits_.width);
  } else if (part.gives) {
    picks = left.picks.first(size_t{1} + s.guessed);
    left.picks = left.picks.subspan(picks.size());
  }
  const Verdict verdict = verdict_on(s, now);
  if (verdict.reason != FinishReason::kNone) return end(s, verdict.reason, verdict.error);
  if (!values.empty()) return take_embedding(s, values);
  for (const sample::Pick& pick : picks)
    if (!take_token(s, pick)) break;
  if (s.slot >= 0 && s.written >= s.size()) take_back_guesses(s);
}

// True where the pick behind this one stands.
bool EngineCore::take_token(Sequence& s, const sample::Pick& pick) {
  if (pick.problem != sample::PickProblem::kNone) {
    end(s, FinishReason::kError, std::make_shared<Error>(problem_of(pick.problem)));
    return false;
  }
  if (s.size() == s.prompt_tokens) {
    stats_.prompt_tokens += s.prompt_tokens;
    stats_.cached_tokens += s.cached_tokens;
  }
  ++stats_.generated_tokens;
  const bool guessed = s.append(pick.token);
  if (s.stage != nullptr) s.stage->accept(pick.token);
  TokenEvent event;
  event.token = pick.token;
  event.logprob = pick.logprob;
  event.top_count = pick.top_count;
  event.top = pick.top;
  const FinishReason reason = event.finish = reason_after(s, pick.token);
  say(s, std::move(event));
  return guessed && reason == FinishReason::kNone;
}

// What wrong guesses have written. Where memory has no way back the sequence begins anew, with all that was
// said.
void EngineCore::take_back_guesses(Sequence& s) {
  const uint32_t right = s.size() - 1;
  if (!memory_.can_roll_back(s.slot, right)) {
    s.overtaken = true;
    return scheduler_.give_way(s);
  }
  s.written = memory_.rollback(s.slot, right);
  if (s.written == right) return;
  s.phase = Phase::kPrefill;
  s.preempted = true;
}

void EngineCore::take_embedding(Sequence& s, std::span<const float> values) {
  stats_.prompt_tokens += s.prompt_tokens;
  stats_.cached_tokens += s.cached_tokens;
  TokenEvent event;
  event.finish = FinishReason::kDone;
  event.values = std::move(s.values);
  std::ranges::copy(values, event.values.begin());
  say(s, std::move(event));
}

FinishReason EngineCore::reason_after(const Sequence& s, TokenId token) const {
  const auto& stops = s.job.stop_tokens;
  if (std::find(stops.begin(), stops.end(), token) != stops.end()) return FinishReason::kStop;
  return s.size() >= s.end ? FinishReason::kLength : FinishReason::kNone;
}

void EngineCore::end(Sequence& s, FinishReason reason, std::shared_ptr<const Error> error) {
  TokenEvent event;
  event.finish = reason;
  event.error = std::move(error);
  say(s, std::move(event));
}

// Kept until the next step is launched. A last word takes the sequence out at once.
void EngineCore::say(Sequence& s, TokenEvent&& event) {
  Word word{&s, nullptr, std::move(event)};
  if (word.event.finish != FinishReason::kNone) word.ended = take_out(&s);
  words_.push_back(std::move(word));
}

void EngineCore::tell_words() {
  for (Word& word : words_) {
    // A step may give several tokens: who wants no more after the first of them hears none of the others.
    if (word.sequence->cancelled->load(std::memory_order_relaxed)) {
      if (word.ended == nullptr) continue;
      word.event = TokenEvent{};
      word.event.finish = FinishReason::kCancelled;
    }
    const bool wanted = tell(*word.sequence, word.event);
    if (word.ended != nullptr)
      count(*word.ended, word.event.finish);
    else if (!wanted)
      word.sequence->cancelled->store(true, std::memory_order_relaxed);
  }
  words_.clear();
}

// Decoding sequences first, then the slices of prefills.
bool EngineCore::launch() {
  step_.clear();
  const auto takes_part = [](const auto& s) { return s->rows > 0; };
  if (!prepared_ || std::ranges::none_of(scheduler_.running(), takes_part)) return false;
  memory_.begin_step();
  for (const bool prefill : {false, true})
    for (const auto& s : scheduler_.running()) {
      if (s->rows == 0 || (s->phase == Phase::kPrefill) != prefill) continue;
      if (s->phase == Phase::kVerify) s->guess();
      memory_.will_write(s->slot, s->tokens, s->written + s->rows);
      step_.add(*s);
    }
  branch();
  step_.list_given();
  launched_at_ = clock_();
  try {
    runner_.launch(step_.batch(memory_));
  } catch (const Error& error) {
    tell_words();
    fail(error);
    return true;
  } catch (const std::exception& error) {
    tell_words();
    fail(Error(ErrorCode::kDevice, error.what()));
    return true;
  }
  under_way_ = true;
  ++stats_.steps;
  stats_.rows += step_.rows();
  for (const Step::Part& part : step_.parts())
    if (!part.sequence->under_way) note_written(part);
  return true;
}

// Where a prompt ends in this step, the further answers to it go on from there, each with a pick of its own.
// Bookkeeping of that prompt goes before its launch, as only then it is known how many picks there are.
void EngineCore::branch() {
  for (size_t i = 0; i < step_.parts().size(); ++i) {
    const Step::Part part = step_.parts()[i];
    Sequence& leader = *part.sequence;
    if (!part.gives || leader.followers.empty()) continue;
    note_written(part);
    for (auto& follower : leader.followers) {
      Sequence* const s = scheduler_.fork(leader, std::move(follower));
      if (s == nullptr) continue;
      s->under_way = s->due = true;
      step_.add_follower(i++, *s);
    }
    leader.followers.clear();
  }
}

// What the step writes counts as written from its launch on.
void EngineCore::note_written(const Step::Part& part) {
  Sequence& s = *part.sequence;
  s.written += s.rows;
  s.under_way = true;
  s.due = part.gives;
  if (part.gives) s.phase = s.guesses ? Phase::kVerify : Phase::kDecode;
  memory_.commit(s.slot, s.tokens, s.written);
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

// At once: for a sequence that takes no part in the step under way.
void EngineCore::finish(Sequence* sequence, FinishReason reason, std::shared_ptr<const Error> error) {
  const std::unique_ptr<Sequence> s = take_out(sequence);
  tell_end(*s, reason, std::move(error));
}

void EngineCore::tell_end(const Sequence& s, FinishReason reason, std::shared_ptr<const Error> error) {
  TokenEvent event;
  event.finish = reason;
  event.error = std::move(error);
  tell(s, event);
  count(s, reason);
}

std::unique_ptr<Sequence> EngineCore::take_out(Sequence* sequence) {
  const auto leaving = std::ranges::find(leaving_, sequence, &std::unique_ptr<Sequence>::get);
  if (leaving == leaving_.end()) return scheduler_.remove(sequence);
  std::unique_ptr<Sequence> s = std::move(*leaving);
  leaving_.erase(leaving);
  return s;
}

void EngineCore::count(const Sequence& s, FinishReason reason) {
  constexpr double kNewest = 1.0 / 16;
  finished_.push_back(s.id);
  per_end_ += std::max(kNewest, 1.0 / ++ends_) * (since_end_ - per_end_);
  since_end_ = 0;
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
}

void EngineCore::finish_all(FinishReason reason, const std::shared_ptr<const Error>& error) {
  while (!leaving_.empty()) finish(leaving_.back().get(), reason, error);
  while (!scheduler_.running().empty()) finish(scheduler_.running().back().get(), reason, error);
  while (!scheduler_.waiting().empty()) finish(scheduler_.waiting().back().get(), reason, error);
}

void EngineCore::fail(Error error) {
  log::error("engine", "the device has failed, all jobs end: {}", error.what());
  failure_ = std::make_shared<Error>(std::move(error));
  under_way_ = false;
  finish_all(FinishReason::kError, failure_);
}

void EngineCore::cancel_all() {
  if (under_way_ && !land()) return;
  tell_words();
  finish_all(FinishReason::kCancelled, nullptr);
}

void EngineCore::list_waiting(std::vector<uint64_t>& clients) const {
  for (const auto& s : scheduler_.running()) clients.insert(clients.end(), s->answers() - 1, s->job.client);
  for (const auto& s : scheduler_.waiting()) clients.insert(clients.end(), s->answers(), s->job.client);
}

void EngineCore::warm_up() {
  struct NobodyHears final : TokenSink {
    bool on_token(const TokenEvent&) override { return true; }
  };
  constexpr uint32_t kPrompt = 8, kTokens = 4;
  if (limits_.context_max < kPrompt + kTokens) return;
  Job job;
  for (uint32_t i = 0; i < kPrompt; ++i) job.prompt.push_back(static_cast<TokenId>(i % limits_.vocab));
  job.tokens_max = kTokens;
  add(make_sequence(std::move(job), std::make_shared<NobodyHears>(), limits_));
  while (step()) {
  }
  if (failure_) throw Error(*failure_);
  forget_finished();
  stats_ = {};
  per_end_ = since_end_ = 0;
  ends_ = 0;
}

EngineStats EngineCore::stats() const {
  EngineStats stats = stats_;
  StepWork one;
  one.add(0, 1, 1);
  stats.decode_seconds = budget_.cost().of(one);
  stats.gap_seconds = budget_.limit(one, one);
  stats.row_seconds = budget_.cost().of_row(limits_.context_max / 8);
  stats.seconds_per_end = per_end_;
  stats.places = running_max_;
  for (const auto& s : scheduler_.running())
    if (s->phase == Phase::kPrefill) stats.prompt_tokens_left += s->size() - std::min(s->size(), s->written);
  stats.preemptions = scheduler_.preemptions();
  stats.running = static_cast<uint32_t>(scheduler_.running().size());
  for (const auto& s : scheduler_.running()) stats.waiting += s->answers() - 1;
  for (const auto& s : scheduler_.waiting()) stats.waiting += s->answers();
  stats.pages_free = memory_.free();
  stats.pages_cached = memory_.kept();
  stats.pages_cached_far = memory_.kept_far();
  stats.fetched = memory_.fetched();
  stats.pages = memory_.pages();
  return stats;
}

void EngineCore::check() const {
  memory_.check();
  GANTRY_CHECK(leaving_.empty() && words_.empty());
  const auto in_order = [](const auto& a, const auto& b) { return goes_before(*a, *b); };
  GANTRY_CHECK(std::ranges::is_sorted(scheduler_.running(), in_order));
  GANTRY_CHECK(std::ranges::is_sorted(scheduler_.waiting(), in_order));
  for (const auto& s : scheduler_.running()) {
    for (const auto& other : scheduler_.waiting())
      GANTRY_CHECK(s->job.priority != other->job.priority || goes_before(*s, *other) || other->overtaken);
    GANTRY_CHECK_EQ(s->written, memory_.written(s->slot));
    GANTRY_CHECK(!s->due || s->under_way);
    GANTRY_CHECK_LT(0u, s->pending());
    GANTRY_CHECK_LT(s->size(), s->end);
    GANTRY_CHECK(s->followers.empty() || (s->size() == s->prompt_tokens && !s->due));
  }
  for (const auto& s : scheduler_.waiting()) GANTRY_CHECK(s->slot < 0 && !s->under_way);
}

}  // namespace gantry::engine
