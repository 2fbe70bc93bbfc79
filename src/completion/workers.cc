#include "completion/workers.h"

#include <utility>

namespace gantry::completion {

Workers::Workers(uint32_t threads) {
  for (uint32_t i = 0; i < (threads == 0 ? 1 : threads); ++i) threads_.emplace_back([this] { work(); });
}

Workers::~Workers() { stop(); }

void Workers::schedule(std::shared_ptr<Task> task) {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    switch (task->state_) {
      case Task::State::kQueued:
      case Task::State::kRunningAgain:
        return;
      case Task::State::kRunning:
        task->state_ = Task::State::kRunningAgain;
        return;
      case Task::State::kIdle:
        task->state_ = Task::State::kQueued;
        queue_.push_back(std::move(task));
        break;
    }
  }
  ready_.notify_one();
}

void Workers::stop() {
  std::deque<std::shared_ptr<Task>> dropped;  // destroyed outside the lock
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    dropped.swap(queue_);
  }
  ready_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Workers::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    ready_.wait(lock, [this] { return stopped_ || !queue_.empty(); });
    if (stopped_) return;
    std::shared_ptr<Task> task = std::move(queue_.front());
    queue_.pop_front();
    task->state_ = Task::State::kRunning;
    lock.unlock();
    const bool more = task->run();
    lock.lock();
    const bool again = more || task->state_ == Task::State::kRunningAgain;
    task->state_ = again ? Task::State::kQueued : Task::State::kIdle;
    if (again && !stopped_) queue_.push_back(std::move(task));
    lock.unlock();
    task.reset();  // may be the last reference: not under the lock
    lock.lock();
  }
}

}  // namespace gantry::completion
