#include "os/thread_pool.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "base/check.h"
#include "base/error.h"
#include "os/wait_for_change.h"

namespace gantry::os {
namespace {

// About 20 to 50 microseconds: longer than the pause between two operations of a decode step, short enough to
// cost little where nothing follows.
constexpr uint32_t kSpins = 1500;
constexpr uint32_t kClosed = 0xffffffffu;  // as the next index: nothing to claim

}  // namespace

ThreadPool::ThreadPool(uint32_t threads) : threads_(std::clamp(threads, 1u, kThreadsMax)) {
  workers_.resize(threads_ - 1);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  for (uint32_t i = 0; i + 1 < threads_; ++i) {
    workers_[i].pool = this;
    workers_[i].index = i + 1;
    const int refused = pthread_create(
        &workers_[i].thread, &attributes,
        [](void* self) -> void* {
          const Worker& worker = *static_cast<Worker*>(self);
          worker.pool->worker_loop(worker.index);
          return nullptr;
        },
        &workers_[i]);
    if (refused != 0) {
      workers_.resize(i);
      stop();
      pthread_attr_destroy(&attributes);
      throw Error(
          ErrorCode::kMemory,
          fmt::format("the system refused thread {} of {}: {}", i + 2, threads_, std::strerror(refused)),
          "threads", "use fewer threads");
    }
  }
  pthread_attr_destroy(&attributes);
}

ThreadPool::~ThreadPool() { stop(); }

void ThreadPool::stop() {
  stopping_.store(true, std::memory_order_relaxed);
  job_.fetch_add(1, std::memory_order_release);
  job_.notify_all();
  for (const Worker& worker : workers_) pthread_join(worker.thread, nullptr);
  workers_.clear();
}

void ThreadPool::run(uint32_t count, Function function, void* context) {
  GANTRY_CHECK_LT(count, kClosed);
  if (count == 0) return;
  if (count == 1 || threads_ == 1) {
    for (uint32_t i = 0; i < count; ++i) function(context, i, 0);
    return;
  }
  const std::lock_guard turn(callers_);
  const uint32_t job = job_.load(std::memory_order_relaxed) + 1;
  // Closed first: a late worker that still looks at the last job must not claim with this job's count in
  // hand.
  claim_.store((uint64_t{job} << 32) | kClosed, std::memory_order_release);
  function_.store(function, std::memory_order_release);
  context_.store(context, std::memory_order_release);
  count_.store(count, std::memory_order_release);
  done_.store(0, std::memory_order_relaxed);
  claim_.store(uint64_t{job} << 32, std::memory_order_release);
  job_.store(job, std::memory_order_release);
  job_.notify_all();
  work_on(job, 0);
  for (uint32_t done = done_.load(std::memory_order_acquire); done != count;
       done = done_.load(std::memory_order_acquire))
    wait_for_change(done_, done, kSpins);
}

void ThreadPool::work_on(uint32_t job, uint32_t worker) {
  uint64_t claim = claim_.load(std::memory_order_acquire);
  while (true) {
    if (claim >> 32 != job) return;
    const auto index = static_cast<uint32_t>(claim);
    const uint32_t count = count_.load(std::memory_order_acquire);
    const Function function = function_.load(std::memory_order_acquire);
    void* const context = context_.load(std::memory_order_acquire);
    if (index >= count) return;
    if (!claim_.compare_exchange_weak(claim, claim + 1, std::memory_order_acq_rel, std::memory_order_acquire))
      continue;
    function(context, index, worker);
    if (done_.fetch_add(1, std::memory_order_acq_rel) + 1 == count) done_.notify_all();
    claim = claim_.load(std::memory_order_acquire);
  }
}

void ThreadPool::worker_loop(uint32_t worker) {
  uint32_t seen = 0;
  while (true) {
    wait_for_change(job_, seen, kSpins);
    seen = job_.load(std::memory_order_acquire);
    if (stopping_.load(std::memory_order_relaxed)) return;
    work_on(seen, worker);
  }
}

}  // namespace gantry::os
