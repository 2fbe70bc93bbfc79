// A thread that does one piece of work at a time, whenever it is told to: it drives the stream of a runner
// while the runner's owner prepares the next step. Between two pieces it stays awake for a short, bounded
// time. begin() and wait() take turns, on one thread; neither allocates.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <thread>

namespace gantry::model {

class StepThread {
 public:
  // Error kMemory when the system has no more threads.
  explicit StepThread(std::function<void()> work);
  // Waits for what is under way.
  ~StepThread();
  StepThread(const StepThread&) = delete;
  StepThread& operator=(const StepThread&) = delete;

  // Starts the work and returns at once. What the caller wrote before is seen by it.
  void begin();
  // Waits until it is done; throws what it threw.
  void wait();

 private:
  void run();

  const std::function<void()> work_;
  std::atomic<uint32_t> begun_{0}, done_{0};  // how often
  std::atomic<bool> stopping_{false};
  std::exception_ptr error_;  // of the last piece
  std::thread thread_;
};

}  // namespace gantry::model
