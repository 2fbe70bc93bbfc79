// A small pool of threads for work that comes in bursts: a Task is scheduled when something is in its
// mailbox, runs on one thread at a time, and says whether it has more to do. A task stands in the queue at
// most once, so the queue is as long as there are live tasks, and is linked through them: scheduling
// allocates nothing. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

namespace gantry::completion {

class Workers {
 public:
  class Task {
   public:
    virtual ~Task() = default;
    // Does a bounded piece of work; true when there is more. Must not throw.
    virtual bool run() = 0;

   private:
    friend class Workers;
    enum class State : uint8_t { kIdle, kQueued, kRunning, kRunningAgain };
    State state_ = State::kIdle;  // guarded by the pool's mutex, as is:
    std::shared_ptr<Task> next_;  // in the queue
  };

  explicit Workers(uint32_t threads);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // Sees to it that `task` runs after this call. Ignored once stopped.
  void schedule(std::shared_ptr<Task> task);
  // What is queued is dropped; running tasks end their piece; then the threads are gone. A task may stop the
  // pool that runs it (it held the last lease of its model): its own thread then ends by itself, right after
  // the task.
  void stop();

 private:
  // Lives as long as a thread works on it, which may be longer than the pool.
  struct Shared;
  static void work(const std::shared_ptr<Shared>& shared);

  const std::shared_ptr<Shared> shared_;
  std::vector<std::thread> threads_;
};

}  // namespace gantry::completion
