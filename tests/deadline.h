// Waiting with an end: a test that waits for what never comes fails and says for what, instead of standing
// still.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>

namespace gantry::testing {

// Longer than anything takes under a sanitizer on a busy machine.
inline constexpr std::chrono::seconds kDeadline{120};

// Returns once `condition()` is true. Throws, naming `what`, past the deadline: GoogleTest fails the test.
template <typename Condition>
void await(const Condition& condition, const std::string& what) {
  const auto end = std::chrono::steady_clock::now() + kDeadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) throw std::runtime_error("never came: " + what);
    std::this_thread::yield();
  }
}

// The same for a condition that `changed` tells of and the mutex of `lock` guards.
template <typename Condition>
void await(std::condition_variable& changed, std::unique_lock<std::mutex>& lock, const Condition& condition,
           const std::string& what) {
  if (!changed.wait_for(lock, kDeadline, condition)) throw std::runtime_error("never came: " + what);
}

}  // namespace gantry::testing
