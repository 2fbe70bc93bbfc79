// A few threads that do one thing together and then wait for the next: parallel_for with low latency.
//
// Workers spin for a short, bounded time between jobs and then sleep, so that a busy machine is not made
// busier. The caller takes part. Tasks are claimed one by one from a counter: which thread does which task is
// chance, so a task's result must not depend on it. parallel_for may be called from several threads; they
// take turns. It allocates nothing. A task must not throw, nor call parallel_for of the same pool.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <type_traits>
#include <vector>

#include <pthread.h>

namespace gantry::os {

class ThreadPool {
 public:
  static constexpr size_t kStackBytes = size_t{1} << 20;  // of each worker
  static constexpr uint32_t kThreadsMax = 1024;

  // `threads` counts the caller: threads - 1 workers are started. Error kMemory when the system refuses one.
  explicit ThreadPool(uint32_t threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  uint32_t threads() const { return threads_; }

  // Calls task(i, worker) for every i below `count`, each once, and returns when all are done. `worker` is
  // below threads() and no two tasks of one call that run at the same time share it.
  template <typename Task>
  void parallel_for(uint32_t count, Task&& task) {
    using Callable = std::remove_reference_t<Task>;
    run(
        count,
        [](void* context, uint32_t i, uint32_t worker) { (*static_cast<Callable*>(context))(i, worker); },
        const_cast<std::remove_const_t<Callable>*>(&task));
  }

 private:
  using Function = void (*)(void* context, uint32_t index, uint32_t worker);
  struct Worker {
    ThreadPool* pool = nullptr;
    uint32_t index = 0;
    pthread_t thread{};
  };

  void run(uint32_t count, Function function, void* context);
  void work_on(uint32_t job, uint32_t worker);
  void worker_loop(uint32_t worker);
  void stop();

  const uint32_t threads_;
  std::mutex callers_;
  // The current job. A thread reads the three fields below and then claims an index by exchanging `claim_`,
  // which holds the job's number beside the next index: the exchange succeeds only while that job still has
  // tasks, and the fields change only between jobs, so what it read belongs to the job.
  std::atomic<Function> function_{nullptr};
  std::atomic<void*> context_{nullptr};
  std::atomic<uint32_t> count_{0};
  alignas(64) std::atomic<uint64_t> claim_{0};  // job number << 32 | next index
  alignas(64) std::atomic<uint32_t> done_{0};   // tasks of the job that are finished
  alignas(64) std::atomic<uint32_t> job_{0};    // what workers wait on
  std::atomic<bool> stopping_{false};
  std::vector<Worker> workers_;
};

}  // namespace gantry::os
