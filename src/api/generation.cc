#include "api/generation.h"

#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "api/openai/error.h"
#include "api/openai/format.h"

namespace gantry::api {
namespace {

using completion::Completion;
using completion::Delta;
using completion::Finish;

class Generation : public std::enable_shared_from_this<Generation> {
 public:
  Generation(GenerateRequest request, fleet::Lease lease, std::shared_ptr<http::Reply> reply)
      : request_(std::move(request)),
        lease_(std::move(lease)),
        reply_(std::move(reply)),
        head_(make_head(request_, lease_->card())),
        parts_(request_.choices()),
        left_(request_.choices()) {}

  void start();
  // False: nobody listens any more.
  bool on_delta(uint32_t index, Delta delta);

 private:
  struct Part {
    Choice choice;
    completion::Usage usage;
    uint64_t shown_characters = 0;
  };
  class Sink;
  using Running = std::vector<std::shared_ptr<Completion>>;

  void start_choices();
  void answer_without_generating();
  void begin();
  void on_gone();
  // The following: under the mutex. hear() says whether the client still listens.
  bool hear(uint32_t index, Delta delta);
  bool show(uint32_t index, const Delta& delta);
  bool say_end();
  void fail(const Delta& delta);
  completion::Usage usage() const;
  std::string prompt_text(uint32_t index) const;
  static void cancel(const Running& running) {
    for (const auto& completion : running) completion->cancel();
  }

  const GenerateRequest request_;
  const fleet::Lease lease_;
  const std::shared_ptr<http::Reply> reply_;
  const AnswerHead head_;

  std::mutex mutex_;
  std::vector<Part> parts_;
  Running running_;
  std::vector<std::pair<uint32_t, Delta>> early_;  // came before all choices had started
  bool begun_ = false;
  bool ended_ = false;
  uint32_t left_;
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

std::string Generation::prompt_text(uint32_t index) const {
  const completion::Prompt& prompt = request_.prompts[index / request_.n];
  if (const auto* text = std::get_if<std::string>(&prompt)) return *text;
  if (const auto* tokens = std::get_if<std::vector<TokenId>>(&prompt))
    return lease_->completer().parts().tokenizer->decode(*tokens);
  return {};
}

void Generation::start() {
  if (request_.nothing_to_generate) return answer_without_generating();
  start_choices();
  begin();
  const std::weak_ptr<Generation> weak = weak_from_this();
  reply_->on_gone([weak] {
    if (const auto self = weak.lock()) self->on_gone();
  });
}

void Generation::start_choices() {
  // They come at once, and for a moment all of them may wait: "come back later" would not help.
  if (const uint32_t most = lease_->completer().parts().engine->queue_max(); request_.choices() > most)
    throw http::bad_request(
        fmt::format("{} answers in all (prompts times 'n'), of which at most {} may wait at once",
                    request_.choices(), most),
        request_.n > 1 ? "n" : "prompt", "out_of_range");
  try {
    for (uint32_t i = 0; i < request_.choices(); ++i) {
      auto completion =
          lease_->completer().start(request_.choice(i), std::make_shared<Sink>(shared_from_this(), i));
      const std::lock_guard lock(mutex_);
      running_.push_back(std::move(completion));
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

void Generation::answer_without_generating() {
  for (uint32_t i = 0; i < request_.choices(); ++i) {
    Delta delta;
    delta.finish = Finish::kLength;
    delta.usage.prompt_tokens =
        static_cast<uint32_t>(lease_->completer().tokenize(request_.prompts[i / request_.n]).size());
    early_.emplace_back(i, std::move(delta));
  }
  begin();
}

// All choices run: what they said so far goes out, in its order.
void Generation::begin() {
  Running running;
  {
    const std::lock_guard lock(mutex_);
    begun_ = true;
    if (request_.stream)
      reply_->begin_stream({.status = 200,
                            .headers = {{"cache-control", "no-cache"}, {"x-accel-buffering", "no"}},
                            .content_type = "text/event-stream; charset=utf-8",
                            .body = ""});
    for (uint32_t i = 0; i < request_.choices(); ++i) {
      if (request_.stream && request_.api == Api::kChat) reply_->push(role_event(head_, i));
      if (!request_.echo) continue;
      Delta echo;
      echo.text = prompt_text(i);
      hear(i, std::move(echo));
    }
    for (auto& [index, delta] : std::exchange(early_, {}))
      if (!ended_) hear(index, std::move(delta));
    if (ended_) running.swap(running_);
  }
  cancel(running);
}

bool Generation::on_delta(uint32_t index, Delta delta) {
  Running running;
  bool listening = true;
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return false;
    if (!begun_) {
      early_.emplace_back(index, std::move(delta));
      return true;
    }
    listening = hear(index, std::move(delta));
    if (ended_) running.swap(running_);
  }
  cancel(running);
  return listening;
}

void Generation::on_gone() {
  Running running;
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    ended_ = true;
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
  Part& part = parts_[index];
  if (delta.finish != Finish::kNone) {
    part.usage = delta.usage;
    --left_;
  }
  if (request_.stream) {
    if (!show(index, delta)) ended_ = true;
  } else {
    part.choice.reasoning += delta.reasoning;
    part.choice.text += delta.text;
    for (completion::CallDelta& call : delta.calls) {
      if (call.begins)
        part.choice.calls.push_back(std::move(call));
      else if (!part.choice.calls.empty())
        part.choice.calls.back().arguments += call.arguments;
    }
    for (completion::TokenReport& report : delta.tokens) part.choice.tokens.push_back(std::move(report));
    part.choice.finish = delta.finish;
  }
  if (!ended_ && left_ == 0) {
    ended_ = true;
    return say_end();
  }
  return !ended_;
}

bool Generation::show(uint32_t index, const Delta& delta) {
  Part& part = parts_[index];
  if (!delta.text.empty() || !delta.reasoning.empty() || !delta.calls.empty() || !delta.tokens.empty()) {
    if (!reply_->push(delta_event(head_, index, delta, part.shown_characters))) return false;
    part.shown_characters += characters(delta.text);
  }
  return delta.finish == Finish::kNone || reply_->push(finish_event(head_, index, delta.finish));
}

bool Generation::say_end() {
  if (!request_.stream) {
    std::vector<Choice> choices;
    for (Part& part : parts_) choices.push_back(std::move(part.choice));
    reply_->send({.status = 200,
                  .headers = {},
                  .content_type = "application/json",
                  .body = whole_body(head_, choices, usage())});
    return true;
  }
  const bool told = (!request_.include_usage || reply_->push(usage_event(head_, usage()))) &&
                    reply_->push(std::string(kDoneEvent));
  reply_->finish(!told);
  return told;
}

void Generation::fail(const Delta& delta) {
  ended_ = true;
  const http::Refusal error =
      delta.error
          ? at_door(*delta.error)
          : at_door(Error(ErrorCode::kShuttingDown, "the answer was cut: the model is being stopped"));
  if (!request_.stream) return reply_->send(error_response(error));
  reply_->push(error_event(error));
  reply_->finish(true);
}

// A prompt counts once, however many choices it has.
completion::Usage Generation::usage() const {
  completion::Usage sum;
  for (size_t i = 0; i < parts_.size(); ++i) {
    sum.completion_tokens += parts_[i].usage.completion_tokens;
    if (i % request_.n != 0) continue;
    sum.prompt_tokens += parts_[i].usage.prompt_tokens;
    sum.cached_tokens += parts_[i].usage.cached_tokens;
  }
  return sum;
}

}  // namespace

void generate(GenerateRequest request, fleet::Lease lease, std::shared_ptr<http::Reply> reply) {
  try {
    std::make_shared<Generation>(std::move(request), std::move(lease), std::move(reply))->start();
  } catch (const completion::PromptTooLong& error) {
    // OpenAI's clients know it by this code.
    throw http::Refusal(400, "context_length_exceeded", error.what(), error.where());
  }
}

}  // namespace gantry::api
