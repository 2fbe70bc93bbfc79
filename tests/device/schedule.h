// When a lazy device's work is done. Streams are queues of tasks; one is taken when somebody asks for what
// comes after it. Any thread; a task runs outside the lock.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <span>
#include <vector>

#include "device/device.h"

namespace gantry::device {

class Queue;

// What stands behind an event: recordings are numbered, so that a wait knows which one it is for.
struct EventState {
  uint64_t recorded = 0;              // times
  std::map<uint64_t, Queue*> coming;  // recordings that are not reached yet, and whose they are
  std::exception_ptr failed;          // what the stream of the last recording had thrown
  bool reached(uint64_t number) const { return !coming.contains(number); }
};

struct Task {
  enum class Kind : uint8_t { kWork, kRecord, kWait };
  const char* name = "";
  Kind kind = Kind::kWork;
  std::function<void(Stream& inner)> run;
  bool meets = false;  // waits for other streams while it runs: only its own stream's owner may run it
  // Host memory. `watched`: it must not change meanwhile.
  std::span<const std::byte> from;
  std::span<std::byte> to;
  bool watched = false;
  uint64_t checksum = 0;  // of `from`
  std::shared_ptr<EventState> event;
  uint64_t number = 0;  // of the recording
};

class Schedule {
 public:
  explicit Schedule(uint64_t seed) : lazy_(seed == 0), random_(seed) {}

  void add(Queue& queue);
  void remove(Queue& queue);  // what is not done never is
  void submit(Queue& queue, Task task);
  void finish(Queue& queue);  // throws what one of its tasks threw
  void record(Queue& queue, const std::shared_ptr<EventState>& event);
  void wait(Queue& queue, const std::shared_ptr<EventState>& event);
  void finish(const std::shared_ptr<EventState>& event);
  bool poll(const std::shared_ptr<EventState>& event);  // asking helps the work along

  // Host memory that may be recorded in a step.
  void add_host(std::span<const std::byte> bytes);
  void remove_host(std::span<const std::byte> bytes);
  bool is_host(std::span<const std::byte> bytes);

 private:
  using Lock = std::unique_lock<std::mutex>;
  bool chance(uint32_t of) { return !lazy_ && random_() % of == 0; }
  static bool blocked(const Queue& queue);
  // The queue whose first task has to be done for `queue` to go on; null where another thread is at it.
  Queue* needed(Queue& queue);
  Queue* any_ready();
  void run_first(Queue& queue, Lock& lock);
  void help(Queue& queue, Lock& lock);  // one task towards the end of this queue
  void watch(Task& task);
  template <typename Body>
  void for_pending(const Body& body);

  const bool lazy_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::mt19937_64 random_;
  std::vector<Queue*> queues_;
  std::vector<std::span<const std::byte>> host_;
};

// One stream's tasks. Belongs to the schedule's lock.
class Queue {
 public:
  explicit Queue(Stream& inner) : inner_(inner) {}

 private:
  friend class Schedule;
  Stream& inner_;
  std::deque<Task> tasks_;
  bool running_ = false;
  std::exception_ptr failed_;  // now and ever after (contract D2)
};

}  // namespace gantry::device
