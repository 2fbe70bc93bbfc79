#include "completion/workers.h"

#include <condition_variable>
#include <mutex>
#include <utility>

#include "base/start_threads.h"

namespace gantry::completion {

struct Workers::Shared {
  class Queue {
   public:
    bool empty() const { return first_ == nullptr; }
    void push(std::shared_ptr<Task> task) {
      Task* const added = task.get();
      (last_ == nullptr ? first_ : last_->next_) = std::move(task);
      last_ = added;
    }
    std::shared_ptr<Task> pop() {
      std::shared_ptr<Task> task = std::move(first_);
      first_ = std::move(task->next_);
      if (first_ == nullptr) last_ = nullptr;
      return task;
    }

   private:
    std::shared_ptr<Task> first_;
    Task* last_ = nullptr;
  };

  std::mutex mutex;
  std::condition_variable ready;
  Queue queue;
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
        shared->queue.push(std::move(task));
        break;
    }
  }
  shared->ready.notify_one();
}

void Workers::stop() {
  Shared::Queue dropped;  // its tasks go outside the lock, one by one
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stopped = true;
    std::swap(dropped, shared_->queue);
  }
  while (!dropped.empty()) dropped.pop();
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
    std::shared_ptr<Task> task = shared->queue.pop();
    task->state_ = Task::State::kRunning;
    lock.unlock();
    const bool more = task->run();
    lock.lock();
    const bool again = more || task->state_ == Task::State::kRunningAgain;
    task->state_ = again ? Task::State::kQueued : Task::State::kIdle;
    if (again && !shared->stopped) shared->queue.push(std::move(task));
    lock.unlock();
    task.reset();  // may be the last reference: not under the lock
    lock.lock();
  }
}

}  // namespace gantry::completion
