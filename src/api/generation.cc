#include "api/generation.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <mutex>
#include <new>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "api/chat_changes.h"
#include "api/flow.h"
#include "api/models.h"
#include "api/opening.h"
#include "api/refusals.h"
#include "http/options.h"
#include "http/shortage.h"

namespace gantry::api {
namespace {

using completion::Completion;
using completion::Delta;
using completion::Finish;
using Clock = std::chrono::steady_clock;

// About what it takes while it waits.
size_t bytes_of(const Delta& delta) {
  size_t bytes = sizeof(delta) + delta.text.size() + delta.reasoning.size();
  for (const completion::CallDelta& call : delta.calls) bytes += sizeof(call) + call.arguments.size();
  for (const completion::TokenReport& token : delta.tokens)
    bytes += sizeof(token) + token.top.size() * sizeof(token.top[0]);
  return bytes;
}

class Generation final : public Flow, public std::enable_shared_from_this<Generation> {
 public:
  Generation(Asker asker, GenerateRequest request, std::unique_ptr<Writer> writer)
      : asker_(std::move(asker)),
        request_(std::move(request)),
        writer_(std::move(writer)),
        choices_(request_.choices()),
        left_(request_.choices()) {}

  // On a request worker. Throws before anything was said to the client; nothing runs on then.
  void start(fleet::Lease lease);
  // False: nobody listens any more.
  bool on_delta(uint32_t index, Delta delta);

  // Of a stream: what is to be said before what is being generated goes straight out.
  const Asker& asker() const override { return asker_; }
  bool go_on() override;
  void break_off(const http::Refusal& why) override;

 private:
  class Sink;
  class Whole;
  using Running = std::vector<std::shared_ptr<Completion>>;

  void check_queue() const;
  void prepare();
  void start_choices();
  bool begin();
  void on_gone();
  // The following: under the mutex. hear() says whether the client still listens.
  void begin_stream();
  bool keep_early(uint32_t index, Delta delta);
  bool hear_waiting(size_t bytes_max);
  bool hear(uint32_t index, Delta delta);
  bool show(uint32_t index, const Delta& delta);
  bool say(std::string piece);
  bool say_end();
  void lose();
  void fail(const Delta& delta);
  void starve();
  void refuse(const http::Refusal& refusal);
  Begun begun() const { return {lease_->card(), prompts_, static_cast<uint32_t>(choices_.size())}; }
  Totals totals() const;
  std::vector<http::Header> said_beside() const;
  void note(std::optional<http::Cause> cause = std::nullopt) const;
  fleet::Lease spare_lease();
  static void cancel(const Running& running) {
    for (const auto& completion : running) completion->cancel();
  }

  const Asker asker_;
  GenerateRequest request_;  // its prompts move on into prompts_
  const std::unique_ptr<Writer> writer_;
  // Set by start(), before anyone else sees this.
  fleet::Lease lease_;  // until all is generated
  std::vector<completion::PreparedPtr> prompts_;
  engine::Outlook outlook_;  // when it began
  const Clock::time_point asked_at_ = Clock::now();
  Clock::time_point leased_at_;

  std::mutex mutex_;
  Clock::time_point first_at_;
  std::vector<Choice> choices_;
  Running running_;
  std::optional<Opening> opening_;                // once all choices have started
  std::deque<std::pair<uint32_t, Delta>> early_;  // came before what stands in front of it was said
  size_t early_bytes_ = 0;                        // of a stream
  size_t said_ = 0;                               // bytes of a stream
  size_t generated_ = 0;                          // choices whose last delta has come
  bool begun_ = false;                            // all choices have started
  bool streaming_ = false;                        // the stream's head is out
  bool caught_up_ = false;                        // nothing waits: what comes is said
  bool ended_ = false;
  bool starved_ = false;  // of memory
  size_t left_;
};

class Generation::Sink final : public completion::DeltaSink {
 public:
  Sink(std::shared_ptr<Generation> generation, uint32_t index)
      : generation_(std::move(generation)), index_(index) {}
  bool on_delta(Delta delta) override { return generation_->on_delta(index_, std::move(delta)); }

 private:
  const std::shared_ptr<Generation> generation_;
  const uint32_t index_;
};

// An answer that is no stream, when all of it is there. Choices go as they are written.
class Generation::Whole final : public Body {
 public:
  Whole(std::shared_ptr<Generation> generation, const Totals& totals)
      : generation_(std::move(generation)),
        totals_(totals),
        written_(generation_->writer_->whole_begin(generation_->begun())) {}

  bool next(std::string& piece) override {
    if (written_.size() - taken_ < kPieceBytes) {
      written_.erase(0, std::exchange(taken_, 0));
      while (!done_ && written_.size() < kPieceBytes) write_more();
    }
    piece = written_.substr(taken_, kPieceBytes);
    taken_ += piece.size();
    return !done_ || taken_ < written_.size();
  }

 private:
  void write_more() {
    std::vector<Choice>& choices = generation_->choices_;
    done_ = next_ == choices.size();
    if (done_) {
      written_ += generation_->writer_->whole_end(totals_);
      return;
    }
    written_ += generation_->writer_->whole_choice(next_, choices[next_]);
    choices[next_++] = {};
  }

  const std::shared_ptr<Generation> generation_;
  const Totals totals_;
  uint32_t next_ = 0;
  bool done_ = false;
  std::string written_;
  size_t taken_ = 0;  // bytes of it
};

void Generation::start(fleet::Lease lease) {
  lease_ = std::move(lease);
  leased_at_ = Clock::now();
  if (!request_.nothing_to_generate) check_queue();
  prepare();
  if (!request_.nothing_to_generate) start_choices();
  const bool more = begin();
  const os::AccountScope nobody(nullptr);  // too late for an error
  const std::weak_ptr<Generation> weak = weak_from_this();
  asker_.reply->on_gone([weak] {
    if (const auto self = weak.lock()) self->on_gone();
  });
  asker_.reply->on_cut([weak](const http::Refusal& why) {
    if (const auto self = weak.lock()) self->break_off(why);
  });
  if (more) let_flow(shared_from_this());
}

// Choices come at once, and for a moment all of them may wait: "come back later" would not help.
void Generation::check_queue() const {
  const uint32_t most = lease_->engine().queue_max();
  if (choices_.size() <= most) return;
  const std::string n = request_.names.written("n");
  throw http::bad_request(
      fmt::format("{} answers in all (prompts times '{}'), of which at most {} may wait at once",
                  choices_.size(), n, most),
      request_.n > 1 ? n : request_.names.written("prompt"), "out_of_range");
}

void Generation::prepare() {
  for (completion::Prompt& prompt : request_.prompts) {
    completion::CompletionRequest request = request_.base;
    request.client = asker_.load.client;
    request.prompt = std::move(prompt);
    prompts_.push_back(lease_->completer().prepare(std::move(request)));
  }
}

// What was changed of a conversation, and what was to be expected when the request came.
std::vector<http::Header> Generation::said_beside() const {
  std::vector<http::Header> headers = change_headers(changes_of(prompts_));
  headers.push_back({std::string(kQueuePositionHeader), std::to_string(outlook_.ahead)});
  headers.push_back({std::string(kExpectedWaitHeader), fmt::format("{:.0f}", 1000 * outlook_.seconds)});
  return headers;
}

void Generation::start_choices() {
  outlook_ = lease_->engine().outlook(asker_.load.client, prompts_.front()->job.prompt.size());
  try {
    uint32_t choice = 0;
    {
      const std::lock_guard lock(mutex_);
      running_.reserve(choices_.size());
    }
    for (const completion::PreparedPtr& prompt : prompts_) {
      completion::Completer::Sinks sinks;
      for (uint32_t i = 0; i < request_.n; ++i)
        sinks.push_back(std::make_shared<Sink>(shared_from_this(), choice++));
      const Running started = lease_->completer().start(prompt, std::move(sinks));
      const os::AccountScope nobody(nullptr);  // they run: no error could take that back
      const std::lock_guard lock(mutex_);
      running_.insert(running_.end(), started.begin(), started.end());
    }
  } catch (...) {
    Running running;
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
      running.swap(running_);
    }
    cancel(running);
    throw;
  }
}

// All choices run: what they said so far goes out, in its order. Of a stream no more than a piece; true: more
// waits.
bool Generation::begin() {
  fleet::Lease spare;  // outlives what runs on it
  Running running;
  bool more = false;
  {
    const std::lock_guard lock(mutex_);
    begun_ = true;
    try {
      if (starved_) throw std::bad_alloc();
      opening_.emplace(request_, prompts_, lease_->tokenizer());
      if (request_.stream) begin_stream();
      more = hear_waiting(request_.stream ? kPieceBytes : SIZE_MAX);
    } catch (const std::bad_alloc&) {
      starve();
    }
    spare = spare_lease();
    if (ended_ || spare) running.swap(running_);
  }
  cancel(running);
  return more;
}

void Generation::begin_stream() {
  const StreamForm form = writer_->form();
  std::string first = writer_->begin(begun());
  std::vector<http::Header> headers = said_beside();
  headers.push_back({"cache-control", "no-cache"});
  headers.push_back({"x-accel-buffering", "no"});
  asker_.reply->begin_stream({.status = 200,
                              .headers = std::move(headers),
                              .content_type = std::string(form.content_type),
                              .body = ""},
                             std::string(form.idle));
  streaming_ = true;
  if (!say(std::move(first))) lose();
}

// A turn's bytes must find room in a queue that was empty, with what may be said at once beyond them.
static_assert(8 * kPieceBytes <= http::kStreamQueueBytesMax);

// Until a stream has got so many bytes more. True: more waits.
bool Generation::hear_waiting(size_t bytes_max) {
  const size_t before = said_;
  while (!ended_ && said_ - before < bytes_max) {
    if (auto part = opening_->next()) {
      hear(part->first, std::move(part->second));
    } else if (!early_.empty()) {
      auto [index, delta] = std::move(early_.front());
      early_.pop_front();
      early_bytes_ -= std::min(early_bytes_, bytes_of(delta));
      hear(index, std::move(delta));
    } else {
      caught_up_ = true;
      return false;
    }
  }
  return !ended_;
}

bool Generation::go_on() {
  Running running;
  bool more = false;
  {
    const std::lock_guard lock(mutex_);
    more = hear_waiting(kPieceBytes);
    if (ended_) running.swap(running_);
  }
  cancel(running);
  return more;
}

bool Generation::on_delta(uint32_t index, Delta delta) {
  fleet::Lease spare;  // outlives what runs on it
  Running running;
  bool listening = true;
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return false;
    if (delta.finish != Finish::kNone) ++generated_;
    try {
      if (caught_up_)
        listening = hear(index, std::move(delta));
      else
        listening = keep_early(index, std::move(delta));
    } catch (const std::bad_alloc&) {
      starve();
      listening = false;
    }
    spare = spare_lease();
    if (ended_ || spare) running.swap(running_);
  }
  cancel(running);
  return listening;
}

// What waits behind the echo of a stream is bounded as what waits for its client to read. Before all choices
// run nobody is asked to read.
bool Generation::keep_early(uint32_t index, Delta delta) {
  if (request_.stream && begun_) early_bytes_ += bytes_of(delta);
  early_.emplace_back(index, std::move(delta));
  if (early_bytes_ <= http::kStreamQueueBytesMax) return true;
  early_.clear();
  lose();
  return false;
}

// The model is needed no more: who reads slowly keeps it from nobody.
fleet::Lease Generation::spare_lease() {
  const bool all = request_.nothing_to_generate || generated_ == choices_.size();
  return begun_ && all ? std::exchange(lease_, nullptr) : nullptr;
}

void Generation::on_gone() {
  Running running;
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    ended_ = true;
    note();
    running.swap(running_);
  }
  cancel(running);
}

void Generation::break_off(const http::Refusal& why) {
  Running running;
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return asker_.reply->fail({});  // where a whole answer is on its way
    refuse(why);
    running.swap(running_);
  }
  cancel(running);
}

bool Generation::hear(uint32_t index, Delta delta) {
  if (ended_) return false;
  if (delta.finish == Finish::kError || delta.finish == Finish::kCancelled) {
    fail(delta);
    return false;
  }
  if (first_at_ == Clock::time_point() && !delta.is_echo) first_at_ = Clock::now();
  if (delta.finish != Finish::kNone) --left_;
  Choice& choice = choices_[index];
  if (request_.stream) {
    if (!show(index, delta)) lose();
    choice.usage = delta.usage;
  } else {
    choice.add(std::move(delta));
  }
  if (!ended_ && left_ == 0) {
    ended_ = true;
    return say_end();
  }
  return !ended_;
}

bool Generation::say(std::string piece) {
  said_ += piece.size();
  return piece.empty() || asker_.reply->push(std::move(piece));
}

bool Generation::show(uint32_t index, const Delta& delta) {
  const bool empty =
      delta.text.empty() && delta.reasoning.empty() && delta.calls.empty() && delta.tokens.empty();
  if (!empty && !say(writer_->delta(index, delta))) return false;
  return delta.finish == Finish::kNone || say(writer_->finish(index, delta));
}

bool Generation::say_end() {
  note();
  if (!request_.stream) {
    answer_json(asker_, std::make_unique<Whole>(shared_from_this(), totals()), said_beside());
    return true;
  }
  const bool told = say(writer_->end(totals()));
  if (told)
    asker_.reply->finish();
  else
    lose();
  return told;
}

// The client does not hear any more, or too slowly; perhaps it reads on until here.
void Generation::lose() {
  refuse(http::Refusal(408, "timeout", "the stream was cut: it was read too slowly"));
}

void Generation::fail(const Delta& delta) {
  refuse(refusal_of(delta.error
                        ? *delta.error
                        : Error(ErrorCode::kShuttingDown, "the answer was cut: the model is being stopped"),
                    request_.names));
}

void Generation::refuse(const http::Refusal& refusal) {
  ended_ = true;
  if (streaming_) note(cause_of(refusal));
  if (streaming_)
    asker_.reply->fail(writer_->fail(refusal));
  else
    asker_.refuse(refusal);
}

// There was no memory for what came. Before all choices run the client is still to be told, by start().
void Generation::starve() {
  ended_ = starved_ = true;
  if (!begun_) return;
  const os::AccountScope nobody(nullptr);
  choices_.clear();
  early_.clear();
  refuse(asker_.account
             ? http::refusal_of_shortage(*asker_.account)
             : refusal_of(Error(ErrorCode::kExhausted, "the system has no more memory for this answer")));
}

void Generation::note(std::optional<http::Cause> cause) const {
  if (first_at_ == Clock::time_point()) return asker_.reply->note({.cause = std::move(cause)});
  const Totals sum = totals();
  const uint32_t written = sum.usage.completion_tokens;
  asker_.reply->note({.tokens = http::Outcome::Tokens{.prompt = sum.usage.prompt_tokens,
                                                      .cached = sum.usage.cached_tokens,
                                                      .generated = written,
                                                      .per_second = per_second(written, sum.writing)},
                      .cause = std::move(cause)});
}

Totals Generation::totals() const {
  Totals sum;
  for (size_t i = 0; i < choices_.size(); ++i) {
    sum.usage.completion_tokens += choices_[i].usage.completion_tokens;
    if (i % request_.n != 0) continue;
    sum.usage.prompt_tokens += choices_[i].usage.prompt_tokens;
    sum.usage.cached_tokens += choices_[i].usage.cached_tokens;
  }
  sum.waiting = leased_at_ - asked_at_;
  sum.reading = first_at_ - leased_at_;
  sum.writing = Clock::now() - first_at_;
  return sum;
}

}  // namespace

void generate(const Call& call, GenerateRequest request, std::unique_ptr<Writer> writer) {
  Asker asker = call.asker;
  asker.names = request.names;
  const std::string model = request.model;
  const auto generation = std::make_shared<Generation>(asker, std::move(request), std::move(writer));
  call.models.with(model, asker, [generation](fleet::Lease lease) { generation->start(std::move(lease)); });
}

}  // namespace gantry::api
