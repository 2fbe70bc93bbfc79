#include "completion/running.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "base/log.h"

namespace gantry::completion {
namespace {

Finish finish_of(engine::FinishReason reason) {
  switch (reason) {
    case engine::FinishReason::kNone:
      return Finish::kNone;
    case engine::FinishReason::kStop:
      return Finish::kStop;
    case engine::FinishReason::kLength:
      return Finish::kLength;
    case engine::FinishReason::kCancelled:
      return Finish::kCancelled;
    case engine::FinishReason::kError:
      return Finish::kError;
  }
  return Finish::kError;
}

}  // namespace

Running::Running(const CompleterParts& parts, std::shared_ptr<Workers> workers,
                 const CompletionRequest& request, std::span<const TokenId> prompt,
                 std::shared_ptr<DeltaSink> sink)
    : parts_(parts),
      workers_(std::move(workers)),
      report_tokens_(request.logprobs),
      sink_(std::move(sink)),
      text_(*parts.tokenizer, prompt, request.stop) {
  usage_.prompt_tokens = static_cast<uint32_t>(prompt.size());
}

void Running::submitted(JobId job) {
  {
    const std::lock_guard lock(mutex_);
    job_ = job;
  }
  if (cancelled_.load()) parts_.engine->cancel(job);
}

void Running::cancel() {
  cancelled_.store(true);
  std::optional<JobId> job;
  {
    const std::lock_guard lock(mutex_);
    if (!closed_) job = job_;
  }
  if (job) parts_.engine->cancel(*job);
}

bool Running::on_token(const engine::TokenEvent& event) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return false;
    Event kept{.token = event.token,
               .logprob = event.logprob,
               .finish = event.finish,
               .cached_tokens = event.cached_tokens,
               .top = {},
               .error = {}};
    const uint32_t top = std::min<uint32_t>(event.top_count, sample::kTopLogprobsMax);
    kept.top.assign(event.top.begin(), event.top.begin() + top);
    if (event.error != nullptr) kept.error = *event.error;
    if (mailbox_.size() >= kMailboxEventsMax && event.finish == engine::FinishReason::kNone) {
      kept.finish = engine::FinishReason::kError;
      kept.error = Error(ErrorCode::kBusy, "the answer came faster than it could be turned into text", "",
                         "send fewer requests at once");
    }
    closed_ = kept.finish != engine::FinishReason::kNone;
    mailbox_.push_back(std::move(kept));
  }
  workers_->schedule(shared_from_this());
  return !cancelled_.load();
}

bool Running::run() {
  std::deque<Event> events;
  {
    const std::lock_guard lock(mutex_);
    events.swap(mailbox_);
  }
  if (over_ || events.empty()) return false;
  Delta delta;
  try {
    for (const Event& event : events) {
      take(event, delta);
      if (over_) break;
    }
    // Before the last delta: with the sink goes what it holds, perhaps the last lease of the model.
    if (over_) cancel();
    deliver(std::move(delta));
  } catch (const std::exception& error) {
    give_up(error.what());
  }
  if (!over_ && cancelled_.load()) cancel();
  return false;
}

void Running::give_up(const char* why) {
  log::error("completion", "an answer was given up: {}", why);
  if (!over_) cancel();
  over_ = true;
  Delta last;
  last.finish = Finish::kError;
  last.error = Error(ErrorCode::kInternal, "the answer could not be turned into text");
  try {
    if (sink_) deliver(std::move(last));
  } catch (const std::exception& error) {
    log::error("completion", "nor could its asker be told: {}", error.what());
  }
}

void Running::take(const Event& event, Delta& delta) {
  usage_.cached_tokens = event.cached_tokens;
  if (event.token != kNoToken) {
    ++usage_.completion_tokens;
    // The token that stops is told, but not a part of the text.
    if (event.finish != engine::FinishReason::kStop)
      text_.push(event.token, report_tokens_ ? std::optional(report_of(event)) : std::nullopt, delta);
  }
  if (text_.stopped()) return end(Finish::kStop, delta);
  if (event.finish == engine::FinishReason::kNone) return;
  if (event.error) delta.error = event.error;
  end(finish_of(event.finish), delta);
}

void Running::end(Finish finish, Delta& delta) {
  text_.finish(delta);
  // What was kept back may have completed a stop string.
  delta.finish = text_.stopped() && finish == Finish::kLength ? Finish::kStop : finish;
  over_ = true;
}

TokenReport Running::report_of(const Event& event) const {
  const auto text_of = [&](TokenId token, float logprob) {
    const bool known = token >= 0 && static_cast<uint32_t>(token) < parts_.tokenizer->size();
    return TokenText{token, known ? parts_.tokenizer->token_bytes(token, true) : std::string(), logprob};
  };
  TokenReport report{text_of(event.token, event.logprob), {}};
  for (const engine::TokenLogprob& top : event.top) report.top.push_back(text_of(top.token, top.logprob));
  return report;
}

void Running::deliver(Delta delta) {
  if (delta.text.empty() && delta.tokens.empty() && delta.finish == Finish::kNone) return;
  delta.usage = usage_;
  // The last delta lets go of the sink first: what it holds may live no longer than its answer.
  const std::shared_ptr<DeltaSink> sink = over_ ? std::exchange(sink_, nullptr) : sink_;
  if (!sink->on_delta(std::move(delta))) cancelled_.store(true);
}

}  // namespace gantry::completion
