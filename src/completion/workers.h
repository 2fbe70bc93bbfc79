// A small pool of threads for work that comes in bursts: a Task is scheduled when something is in its
// mailbox, runs on one thread at a time, and says whether it has more to do. A task stands in the queue at
// most once, so the queue is as long as there are live tasks. Thread-safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
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
    State state_ = State::kIdle;  // guarded by the pool's mutex
  };

  explicit Workers(uint32_t threads);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // Sees to it that `task` runs after this call. Ignored once stopped.
  void schedule(std::shared_ptr<Task> task);
  // What is queued is dropped; running tasks end their piece; then the threads are gone. Not from a task, and
  // the last reference to the pool must not be dropped by a task before it.
  void stop();

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::shared_ptr<Task>> queue_;
  bool stopped_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace gantry::completion
