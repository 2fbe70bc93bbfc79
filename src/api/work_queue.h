// Threads that take work from one bounded queue, in order. Full means no, at once (contract L1). Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/bounded_queue.h"
#include "base/start_threads.h"

namespace gantry::api {

class WorkQueue {
 public:
  using Work = std::function<void()>;  // must not throw

  WorkQueue(uint32_t threads, size_t capacity) : queue_(capacity) {
    const auto body = [this] {
      while (const auto work = queue_.pop()) (*work)();
    };
    start_threads(threads_, threads == 0 ? 1 : threads, body, [this] { queue_.close(); });
  }
  // What is queued is still done.
  ~WorkQueue() { close(); }
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;

  bool try_post(Work work) { return queue_.try_push(std::move(work)); }
  // No more work; returns once what was queued is done, whoever of several callers comes first. Not from
  // work.
  void close() {
    queue_.close();
    const std::lock_guard lock(closing_);
    for (std::thread& thread : threads_)
      if (thread.joinable()) thread.join();
  }

 private:
  BoundedQueue<Work> queue_;
  std::mutex closing_;  // guards the threads' ends
  std::vector<std::thread> threads_;
};

}  // namespace gantry::api
