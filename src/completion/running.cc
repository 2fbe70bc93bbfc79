#include "completion/running.h"

#include <algorithm>
#include <exception>
#include <new>
#include <utility>

#include "base/log.h"

namespace gantry::completion {
namespace {

Finish finish_of(engine::FinishReason reason) {
  switch (reason) {
    case engine::FinishReason::kNone:
      return Finish::kNone;
    case engine::FinishReason::kStop:
    case engine::FinishReason::kDone:
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

// The prompt as the reader of the answer has to see it. An answer that goes on with reasoning begins behind
// the marker that opened it.
std::string_view prompt_before_answer(const reply::ReplyFormat& format, const Prepared& prepared) {
  const std::string_view text = prepared.chat.text;
  const size_t message = text.size() - prepared.continued_bytes;
  for (const reply::Span& span : format.reasoning) {
    const size_t open = text.rfind(span.open), close = text.rfind(span.close);
    const bool opened = open != std::string_view::npos && open >= message;
    if (opened && (close == std::string_view::npos || close < open))
      return text.substr(0, open + span.open.size());
  }
  return text;
}

// Only in a chat the answer has parts.
std::optional<ReadReply> reply_of(const CompleterParts& parts, const Prepared& prepared) {
  const auto* chat = std::get_if<ChatInput>(&prepared.request.prompt);
  if (chat == nullptr) return std::nullopt;
  const reply::ReplyFormat& format = parts.reply_format != nullptr
                                         ? *parts.reply_format
                                         : reply::reply_format_of(parts.chat_template->source());
  return ReadReply{.format = &format,
                   .options = {.tools = chat->tools.is_array() && !chat->tools.empty(),
                               .tool_list = chat->tools,
                               .prompt = prompt_before_answer(format, prepared)},
                   .parallel_calls = chat->parallel_calls};
}

}  // namespace

Running::Running(const CompleterParts& parts, std::shared_ptr<Workers> workers, const Prepared& prepared,
                 std::shared_ptr<DeltaSink> sink)
    : parts_(parts),
      workers_(std::move(workers)),
      account_(os::share_current_account()),
      report_tokens_(prepared.job.logprobs),
      sink_(std::move(sink)),
      text_(*parts.tokenizer, prepared.job.prompt, prepared.stops, reply_of(parts, prepared)) {
  usage_.prompt_tokens = static_cast<uint32_t>(prepared.job.prompt.size());
  const size_t answer = prepared.job.tokens_max == 0 ? kMailboxEventsReady : prepared.job.tokens_max;
  for (Mailbox* mailbox : {&mailbox_, &taken_})
    mailbox->reserve(std::min(answer + 1, kMailboxEventsReady), prepared.job.top_logprobs);
}

void Running::Mailbox::reserve(size_t count, uint32_t top_logprobs) {
  events.reserve(count);
  top.reserve(count * top_logprobs);
}

void Running::Mailbox::clear() {
  events.clear();
  top.clear();
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
               .top_count = std::min<uint32_t>(event.top_count, sample::kTopLogprobsMax),
               .error = event.error};
    if (mailbox_.events.size() >= kMailboxEventsMax && event.finish == engine::FinishReason::kNone) {
      kept.finish = engine::FinishReason::kError;
      kept.error = std::make_shared<Error>(ErrorCode::kBusy,
                                           "the answer came faster than it could be turned into text", "",
                                           "send fewer requests at once");
    }
    closed_ = kept.finish != engine::FinishReason::kNone;
    try {
      const os::AccountScope scope(account_);
      mailbox_.top.insert(mailbox_.top.end(), event.top.begin(), event.top.begin() + kept.top_count);
      mailbox_.events.push_back(std::move(kept));
    } catch (const std::bad_alloc&) {
      starved_ = closed_ = true;
    }
  }
  workers_->schedule(shared_from_this());
  return !cancelled_.load();
}

bool Running::run() {
  taken_.clear();
  bool starved = false;
  {
    const std::lock_guard lock(mutex_);
    std::swap(taken_, mailbox_);
    starved = starved_;
  }
  if (over_ || (taken_.events.empty() && !starved)) return false;
  try {
    const os::AccountScope scope(account_);
    if (starved) throw std::bad_alloc();
    std::span<const engine::TokenLogprob> top = taken_.top;
    // One token after the other, however many came at once: where the pieces of an answer begin, and where it
    // ends, is not to depend on what else the machine does.
    for (const Event& event : taken_.events) {
      Delta delta;
      take(event, top.first(event.top_count), delta);
      top = top.subspan(event.top_count);
      // Before the last delta: with the sink goes what it holds, perhaps the last lease of the model.
      if (over_) cancel();
      deliver(std::move(delta));
      if (over_) break;
    }
  } catch (const std::bad_alloc&) {
    give_up(account_ ? os::shortage_error(*account_)
                     : Error(ErrorCode::kExhausted, "the system has no more memory for this answer"));
  } catch (const std::exception& error) {
    log::error("completion", "an answer was given up: {}", error.what());
    give_up(Error(ErrorCode::kInternal, "the answer could not be turned into text"));
  }
  if (!over_ && cancelled_.load()) cancel();
  return false;
}

void Running::give_up(const Error& error) {
  cancel();
  over_ = true;
  Delta last;
  last.finish = Finish::kError;
  last.error = error;
  try {
    if (sink_) deliver(std::move(last));
  } catch (const std::exception& second) {
    log::error("completion", "nobody could be told that an answer was given up: {}", second.what());
  }
}

void Running::take(const Event& event, std::span<const engine::TokenLogprob> top, Delta& delta) {
  usage_.cached_tokens = event.cached_tokens;
  if (event.token != kNoToken) {
    ++usage_.completion_tokens;
    // The token that stops is told, but not a part of the text.
    if (event.finish != engine::FinishReason::kStop)
      text_.push(event.token, report_tokens_ ? std::optional(report_of(event, top)) : std::nullopt, delta);
  }
  if (text_.over()) return end(Finish::kStop, delta);
  if (event.finish == engine::FinishReason::kNone) return;
  if (event.error != nullptr) delta.error = *event.error;
  end(finish_of(event.finish), delta);
}

void Running::end(Finish finish, Delta& delta) {
  text_.finish(finish == Finish::kStop, delta);
  // What was kept back may have completed a stop string.
  if (finish == Finish::kLength && text_.over()) finish = Finish::kStop;
  delta.finish = finish == Finish::kStop && text_.ends_with_calls() ? Finish::kToolCalls : finish;
  delta.stop_string = text_.stop_string();
  over_ = true;
}

TokenReport Running::report_of(const Event& event, std::span<const engine::TokenLogprob> top) const {
  const auto text_of = [&](TokenId token, float logprob) {
    const bool known = token >= 0 && static_cast<uint32_t>(token) < parts_.tokenizer->size();
    return TokenText{token, known ? parts_.tokenizer->token_bytes(token, true) : std::string(), logprob};
  };
  TokenReport report{text_of(event.token, event.logprob), {}};
  for (const auto& [token, logprob] : top) report.top.push_back(text_of(token, logprob));
  return report;
}

void Running::deliver(Delta delta) {
  if (delta.text.empty() && delta.reasoning.empty() && delta.calls.empty() && delta.tokens.empty() &&
      delta.finish == Finish::kNone)
    return;
  delta.usage = usage_;
  // The last delta lets go of the sink first: what it holds may live no longer than its answer.
  const std::shared_ptr<DeltaSink> sink = over_ ? std::exchange(sink_, nullptr) : sink_;
  if (!sink->on_delta(std::move(delta))) cancelled_.store(true);
}

}  // namespace gantry::completion
