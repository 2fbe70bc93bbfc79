#include "api/work_queue.h"

#include <algorithm>

#include "base/start_threads.h"
#include "os/memory_account.h"

namespace gantry::api {

WorkQueue::WorkQueue(uint32_t threads, size_t capacity) : capacity_(capacity) {
  threads = std::max(threads, 1U);
  large_max_ = std::max(threads - 1, 1U);
  const auto end = [this] {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    ready_.notify_all();
  };
  start_threads(
      threads_, threads, [this] { run(); }, end);
}

bool WorkQueue::try_post(Load load, Work work, Entry entry) {
  const os::AccountScope nobody(nullptr);  // the queue's own records
  const bool large = load.bytes > kLargeBytes;
  {
    const std::lock_guard lock(mutex_);
    if (closed_ || (entry == Entry::kNew && small_.size() + large_.size() >= capacity_)) return false;
    const uint64_t begins = turns_.enter(load.client, load.bytes + kLeastCost);
    (large ? large_ : small_).emplace(Turn{begins, ++posted_}, std::move(work));
  }
  ready_.notify_one();
  return true;
}

// Under the mutex: the list whose first work is to begin, or nullptr.
WorkQueue::Waiting* WorkQueue::next() {
  const bool may_be_large = !large_.empty() && large_running_ < large_max_;
  if (small_.empty()) return may_be_large ? &large_ : nullptr;
  return may_be_large && large_.begin()->first < small_.begin()->first ? &large_ : &small_;
}

void WorkQueue::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    ready_.wait(lock, [this] { return next() != nullptr || (closed_ && small_.empty() && large_.empty()); });
    Waiting* const list = next();
    if (list == nullptr) return;
    const bool large = list == &large_;
    Waiting::node_type begun = list->extract(list->begin());
    turns_.begun(begun.key().first);
    if (large) ++large_running_;
    lock.unlock();
    begun.mapped()();
    begun = {};
    lock.lock();
    if (large) --large_running_;
    if (small_.empty() && large_.empty()) turns_.forget();
    ready_.notify_all();
  }
}

void WorkQueue::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  ready_.notify_all();
  const std::lock_guard lock(closing_);
  for (std::thread& thread : threads_)
    if (thread.joinable()) thread.join();
}

}  // namespace gantry::api
