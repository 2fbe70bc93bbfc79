#include "cli/conversation.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>
#include <mutex>

#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.h"
#include "base/random_id.h"
#include "engine/job_check.h"
#include "text/utf8.h"

namespace gantry::cli {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Hands deltas from a completion worker to the main thread, which sleeps on fd(). Bounded by the answer.
class DeltaQueue final : public completion::DeltaSink {
 public:
  DeltaQueue() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (fd_ < 0) throw Error(ErrorCode::kIo, std::string("no eventfd: ") + std::strerror(errno));
  }
  ~DeltaQueue() override { ::close(fd_); }
  DeltaQueue(const DeltaQueue&) = delete;
  DeltaQueue& operator=(const DeltaQueue&) = delete;

  bool on_delta(completion::Delta delta) override {
    {
      const std::lock_guard lock(mutex_);
      deltas_.push_back(std::move(delta));
    }
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(fd_, &one, sizeof one);
    return true;
  }

  int fd() const { return fd_; }

  std::deque<completion::Delta> take() {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(fd_, &count, sizeof count);
    const std::lock_guard lock(mutex_);
    return std::exchange(deltas_, {});
  }

 private:
  int fd_;
  std::mutex mutex_;
  std::deque<completion::Delta> deltas_;
};

}  // namespace

Conversation::Conversation(completion::Completer& completer, const RunCommand& command, bool raw,
                           uint32_t context)
    : completer_(completer), settings_(command), context_(context), raw_(raw), system_(command.system) {}

// With the messages from `from` on.
completion::CompletionRequest Conversation::request(const std::string& prompt, size_t from) const {
  completion::CompletionRequest request;
  if (raw_) {
    request.prompt = prompt;
  } else {
    completion::ChatInput input;
    input.messages = Json::array();
    if (!system_.empty()) input.messages.push_back({{"role", "system"}, {"content", system_}});
    for (size_t i = from; i < messages_.size(); ++i) input.messages.push_back(messages_[i]);
    input.messages.push_back({{"role", "user"}, {"content", prompt}});
    request.prompt = std::move(input);
  }
  request.sampling = settings_.sampling;
  if (!settings_.seed_given) request.sampling.seed = random_bits();
  request.tokens_max = settings_.tokens_max;
  return request;
}

// An answer of a few words, cut by the context, is worth less than the oldest of the conversation.
bool Conversation::leaves_room(const completion::Prepared& prepared) const {
  const uint64_t wanted =
      settings_.tokens_max == 0 ? context_ / 8 : std::min(settings_.tokens_max, context_ / 2);
  return context_ == 0 || prepared.job.prompt.size() + wanted <= context_;
}

// Null: too long.
completion::PreparedPtr Conversation::prepare(const std::string& prompt, size_t from) const {
  try {
    completion::PreparedPtr prepared = completer_.prepare(request(prompt, from));
    return from < messages_.size() && !leaves_room(*prepared) ? nullptr : prepared;
  } catch (const engine::PromptTooLong&) {
    if (from >= messages_.size()) throw;
    return nullptr;
  }
}

// `from`: the first message that stays.
completion::PreparedPtr Conversation::prepare_what_fits(const std::string& prompt, size_t& from) const {
  from = 0;
  if (completion::PreparedPtr whole = prepare(prompt, from)) return whole;
  // As few questions with their answers as have to go.
  std::vector<size_t> begins;
  for (size_t i = 1; i < messages_.size(); ++i)
    if (messages_[i]["role"] == "user") begins.push_back(i);
  from = messages_.size();
  completion::PreparedPtr best = prepare(prompt, from);
  size_t low = 0, high = begins.size();
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (completion::PreparedPtr prepared = prepare(prompt, begins[middle])) {
      from = begins[middle];
      best = std::move(prepared);
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return best;
}

std::optional<std::string> Conversation::take_back() {
  for (size_t i = messages_.size(); i-- > 0;) {
    if (messages_[i]["role"] != "user") continue;
    std::string prompt = messages_[i]["content"].get<std::string>();
    messages_.erase(messages_.begin() + static_cast<ptrdiff_t>(i), messages_.end());
    return prompt;
  }
  return std::nullopt;
}

Answer Conversation::answer(const std::string& prompt, Interrupts& interrupts, const Write& write,
                            const Tell& tell) {
  // A template would say something less clear; a bare prompt may be any bytes.
  if (!raw_ && !text::is_valid_utf8(prompt))
    throw Error(ErrorCode::kUsage, "the text is not UTF-8", "the prompt",
                "convert it, with iconv for example");
  const auto start = Clock::now();
  Answer answer;
  const auto queue = std::make_shared<DeltaQueue>();
  size_t from = 0;
  const completion::PreparedPtr prepared = prepare_what_fits(prompt, from);
  if (from > 0 && tell) tell({from, context_});
  const std::shared_ptr<completion::Completion> running = completer_.start(prepared, {queue}).front();
  while (answer.finish == completion::Finish::kNone) {
    switch (interrupts.wait_for_either(queue->fd())) {
      case Interrupts::Woken::kSignal:
        answer.signal = interrupts.take();
        running->cancel();
        break;
      case Interrupts::Woken::kWindow:  // who writes asks for the width each time
      case Interrupts::Woken::kOther:
        break;
    }
    for (completion::Delta& delta : queue->take()) {
      const bool first = answer.text.empty() && answer.reasoning.empty();
      if (first && !(delta.text.empty() && delta.reasoning.empty()))
        answer.first_seconds = seconds_since(start);
      if (!delta.reasoning.empty()) write(delta.reasoning, true);
      if (!delta.text.empty()) write(delta.text, false);
      answer.reasoning += delta.reasoning;
      answer.text += delta.text;
      answer.usage = delta.usage;
      answer.finish = delta.finish;
      if (delta.error) throw *delta.error;
    }
  }
  answer.seconds = seconds_since(start);
  if (!raw_) {
    messages_.erase(messages_.begin(), messages_.begin() + static_cast<ptrdiff_t>(from));
    messages_.push_back({{"role", "user"}, {"content", prompt}});
    messages_.push_back({{"role", "assistant"}, {"content", answer.text}});
    if (!answer.reasoning.empty()) messages_.back()["reasoning_content"] = answer.reasoning;
  }
  return answer;
}

}  // namespace gantry::cli
