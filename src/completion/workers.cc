#include "completion/workers.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

#include "base/start_threads.h"

namespace gantry::completion {

struct Workers::Shared {
  std::mutex mutex;
  std::condition_variable ready;
  std::deque<std::shared_ptr<Task>> queue;
  bool stopped = false;
};

Workers::Workers(uint32_t threads) : shared_(std::make_shared<Shared>()) {
  const auto end = [this] {
    {
      const std::lock_guard lock(shared_->mutex);
      shared_->stopped = true;
    }
    shared_->ready.notify_all();
  };
  start_threads(
      threads_, threads == 0 ? 1 : threads, [shared = shared_] { work(shared); }, end);
}

Workers::~Workers() { stop(); }

void Workers::schedule(std::shared_ptr<Task> task) {
  const std::shared_ptr<Shared> shared = shared_;  // the task may end the pool before this call returns
  {
    const std::lock_guard lock(shared->mutex);
    if (shared->stopped) return;
    switch (task->state_) {
      case Task::State::kQueued:
      case Task::State::kRunningAgain:
        return;
      case Task::State::kRunning:
        task->state_ = Task::State::kRunningAgain;
        return;
      case Task::State::kIdle:
        task->state_ = Task::State::kQueued;
        shared->queue.push_back(std::move(task));
        break;
    }
  }
  shared->ready.notify_one();
}

void Workers::stop() {
  std::deque<std::shared_ptr<Task>> dropped;  // destroyed outside the lock
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stopped = true;
    dropped.swap(shared_->queue);
  }
  shared_->ready.notify_all();
  std::vector<std::thread> threads = std::exchange(threads_, {});
  for (std::thread& thread : threads) {
    if (thread.get_id() == std::this_thread::get_id())
      thread.detach();
    else
      thread.join();
  }
}

void Workers::work(const std::shared_ptr<Shared>& shared) {
  std::unique_lock lock(shared->mutex);
  while (true) {
    shared->ready.wait(lock, [&] { return shared->stopped || !shared->queue.empty(); });
    if (shared->stopped) return;
    std::shared_ptr<Task> task = std::move(shared->queue.front());
    shared->queue.pop_front();
    task->state_ = Task::State::kRunning;
    lock.unlock();
    const bool more = task->run();
    lock.lock();
    const bool again = more || task->state_ == Task::State::kRunningAgain;
    task->state_ = again ? Task::State::kQueued : Task::State::kIdle;
    if (again && !shared->stopped) shared->queue.push_back(std::move(task));
    lock.unlock();
    task.reset();  // may be the last reference: not under the lock
    lock.lock();
  }
}

}  // namespace gantry::completion
