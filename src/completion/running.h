// One running answer: hears the engine's tokens on the engine's thread, turns them into deltas on a worker.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "completion/answer_text.h"
#include "completion/completion.h"
#include "completion/workers.h"
#include "os/memory_account.h"

namespace gantry::completion {

// Events that a worker has not taken yet, of one completion. A worker takes all at once, so only a worker
// that stands still for thousands of steps lets it fill; the completion then ends with an error.
inline constexpr size_t kMailboxEventsMax = size_t{1} << 16;

// Events for which there is room from the start. Only for a worker that lags behind by more the engine's
// thread has to allocate.
inline constexpr size_t kMailboxEventsReady = 256;

class Running final : public engine::TokenSink,
                      public Completion,
                      public Workers::Task,
                      public std::enable_shared_from_this<Running> {
 public:
  Running(const CompleterParts& parts, std::shared_ptr<Workers> workers, const Prepared& prepared,
          std::shared_ptr<DeltaSink> sink);

  // The engine took the job. A cancel() that came before is passed on now.
  void submitted(JobId job);

  bool on_token(const engine::TokenEvent& event) override;  // engine's thread
  bool run() override;                                      // a worker
  void cancel() override;                                   // any thread

 private:
  struct Event {
    TokenId token = kNoToken;
    float logprob = 0;
    engine::FinishReason finish = engine::FinishReason::kNone;
    uint32_t cached_tokens = 0;
    uint32_t top_count = 0;  // of the mailbox's `top`, those after the ones of the events before
    std::shared_ptr<const Error> error;
  };
  // Filled on the engine's thread, emptied by a worker, who gives it back empty, with the room it has.
  struct Mailbox {
    std::vector<Event> events;
    std::vector<engine::TokenLogprob> top;
    void reserve(size_t count, uint32_t top_logprobs);
    void clear();
  };

  void take(const Event& event, std::span<const engine::TokenLogprob> top, Delta& delta);
  void end(Finish finish, Delta& delta);
  TokenReport report_of(const Event& event, std::span<const engine::TokenLogprob> top) const;
  void deliver(Delta delta);
  void give_up(const Error& error);

  const CompleterParts parts_;
  const std::shared_ptr<Workers> workers_;
  const std::shared_ptr<os::MemoryAccount> account_;  // of whoever asked, or nullptr
  const bool report_tokens_;
  std::atomic<bool> cancelled_ = false;

  std::mutex mutex_;  // mailbox, closed, job
  Mailbox mailbox_;
  bool closed_ = false;   // the engine's last event is in
  bool starved_ = false;  // or there was no memory for one
  std::optional<JobId> job_;

  // Only the worker that runs this task.
  Mailbox taken_;
  std::shared_ptr<DeltaSink> sink_;
  AnswerText text_;
  Usage usage_;
  bool over_ = false;
};

}  // namespace gantry::completion
