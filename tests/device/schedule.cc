#include "tests/device/schedule.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace gantry::device {
namespace {

constexpr int kPoison = 0xff;  // not a number, as a float

[[noreturn]] void fault(const char* promise, const char* name) {
  detail::check_failed(promise, __FILE__, __LINE__, name);
}

uint64_t checksum_of(std::span<const std::byte> bytes) {
  uint64_t sum = 0xcbf29ce484222325ull;
  for (const std::byte byte : bytes) sum = (sum ^ std::to_integer<uint64_t>(byte)) * 0x100000001b3ull;
  return sum;
}

bool overlap(std::span<const std::byte> a, std::span<const std::byte> b) {
  return !a.empty() && !b.empty() && a.data() < b.data() + b.size() && b.data() < a.data() + a.size();
}

bool poisoned(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{kPoison}; });
}

}  // namespace

void Schedule::add(Queue& queue) {
  const Lock lock(mutex_);
  queues_.push_back(&queue);
}

void Schedule::remove(Queue& queue) {
  Lock lock(mutex_);
  changed_.wait(lock, [&] { return !queue.running_; });
  // Nobody waits for ever for what is dropped.
  for (const Task& task : queue.tasks_)
    if (task.kind == Task::Kind::kRecord) task.event->coming.erase(task.number);
  std::erase(queues_, &queue);
  changed_.notify_all();
}

template <typename Body>
void Schedule::for_pending(const Body& body) {
  for (Queue* queue : queues_)
    for (Task& task : queue->tasks_) body(task);
}

// Poisons what is read into and takes the sum of what is written from, except where tasks that are still to
// come rightly change those bytes themselves.
void Schedule::watch(Task& task) {
  task.watched = true;
  for_pending([&](Task& other) {
    if (overlap(task.from, other.to)) task.watched = false;
    if (overlap(task.to, other.from)) task.watched = false;
    if (overlap(task.to, other.to)) task.watched = other.watched = false;
  });
  if (!task.watched) return;
  if (!task.to.empty()) std::memset(task.to.data(), kPoison, task.to.size());
  task.checksum = checksum_of(task.from);
}

void Schedule::submit(Queue& queue, Task task) {
  Lock lock(mutex_);
  if (!task.from.empty() || !task.to.empty()) watch(task);
  queue.tasks_.push_back(std::move(task));
  while (chance(4)) {
    Queue* ready = any_ready();
    if (ready == nullptr) break;
    run_first(*ready, lock);
  }
}

void Schedule::record(Queue& queue, const std::shared_ptr<EventState>& event) {
  Task task;
  task.name = "record";
  task.kind = Task::Kind::kRecord;
  task.event = event;
  {
    const Lock lock(mutex_);
    task.number = ++event->recorded;
    event->coming[task.number] = &queue;
  }
  submit(queue, std::move(task));
}

void Schedule::wait(Queue& queue, const std::shared_ptr<EventState>& event) {
  Task task;
  task.name = "wait";
  task.kind = Task::Kind::kWait;
  task.event = event;
  {
    const Lock lock(mutex_);
    task.number = event->recorded;
  }
  submit(queue, std::move(task));
}

bool Schedule::blocked(const Queue& queue) {
  const Task& first = queue.tasks_.front();
  return first.kind == Task::Kind::kWait && !first.event->reached(first.number);
}

Queue* Schedule::needed(Queue& queue) {
  Queue* at = &queue;
  while (!at->running_ && blocked(*at)) at = at->tasks_.front().event->coming.at(at->tasks_.front().number);
  return at->running_ ? nullptr : at;
}

Queue* Schedule::any_ready() {
  std::vector<Queue*> ready;
  for (Queue* queue : queues_)
    if (!queue->running_ && !queue->tasks_.empty() && !blocked(*queue) && !queue->tasks_.front().meets)
      ready.push_back(queue);
  return ready.empty() ? nullptr : ready[random_() % ready.size()];
}

// The task stays in its place while it runs, so that others see what it does to host memory.
void Schedule::run_first(Queue& queue, Lock& lock) {
  const Task& task = queue.tasks_.front();
  if (task.watched && checksum_of(task.from) != task.checksum)
    fault("host bytes are left alone until they have been sent", task.name);
  if (task.watched && !poisoned(task.to))
    fault("host bytes are left alone until they have been read into", task.name);
  queue.running_ = true;
  const bool skip = queue.failed_ != nullptr;
  lock.unlock();
  std::exception_ptr failed;
  try {
    if (!skip && task.run) task.run(queue.inner_);
    if (!skip && task.kind == Task::Kind::kRecord) queue.inner_.sync();
  } catch (...) {
    failed = std::current_exception();
  }
  lock.lock();
  queue.running_ = false;
  if (failed) queue.failed_ = failed;
  if (task.kind == Task::Kind::kRecord) {
    task.event->coming.erase(task.number);
    task.event->failed = queue.failed_;
  }
  queue.tasks_.pop_front();
  changed_.notify_all();
}

void Schedule::help(Queue& queue, Lock& lock) {
  Queue* next = chance(2) ? any_ready() : nullptr;
  if (next == nullptr) next = needed(queue);
  if (next == nullptr)
    changed_.wait(lock);
  else
    run_first(*next, lock);
}

void Schedule::finish(Queue& queue) {
  Lock lock(mutex_);
  while (queue.running_ || !queue.tasks_.empty()) help(queue, lock);
  if (queue.failed_) std::rethrow_exception(queue.failed_);
  queue.running_ = true;
  lock.unlock();
  std::exception_ptr failed;
  try {
    queue.inner_.sync();
  } catch (...) {
    failed = std::current_exception();
  }
  lock.lock();
  queue.running_ = false;
  changed_.notify_all();
  if (failed) {
    queue.failed_ = failed;
    std::rethrow_exception(failed);
  }
}

void Schedule::finish(const std::shared_ptr<EventState>& event) {
  Lock lock(mutex_);
  const uint64_t number = event->recorded;
  while (!event->reached(number)) help(*event->coming.at(number), lock);
  if (event->failed) std::rethrow_exception(event->failed);
}

bool Schedule::poll(const std::shared_ptr<EventState>& event) {
  Lock lock(mutex_);
  const uint64_t number = event->recorded;
  if (!event->reached(number) && !event->coming.at(number)->running_) help(*event->coming.at(number), lock);
  return event->reached(number);
}

void Schedule::add_host(std::span<const std::byte> bytes) {
  const Lock lock(mutex_);
  host_.push_back(bytes);
}

void Schedule::remove_host(std::span<const std::byte> bytes) {
  const Lock lock(mutex_);
  std::erase_if(host_, [&](const auto& known) { return known.data() == bytes.data(); });
  for_pending([&](const Task& task) {
    if (overlap(task.from, bytes) || overlap(task.to, bytes))
      fault("a host arena lives until the work with its bytes is done", task.name);
  });
}

bool Schedule::is_host(std::span<const std::byte> bytes) {
  const Lock lock(mutex_);
  return std::any_of(host_.begin(), host_.end(), [&](const auto& known) {
    return bytes.data() >= known.data() && bytes.data() + bytes.size() <= known.data() + known.size();
  });
}

}  // namespace gantry::device
