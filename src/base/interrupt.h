// Work that nobody waits for any more ends early. Whoever runs work for a client opens a scope with the flag
// that says that the client has gone; long loops below ask between two pieces. Without a scope there is
// nothing to ask.
#pragma once

#include <atomic>

#include "base/error.h"

namespace gantry {

class InterruptScope {
 public:
  // `gone` outlives the scope.
  explicit InterruptScope(const std::atomic<bool>& gone) : before_(current_) { current_ = &gone; }
  ~InterruptScope() { current_ = before_; }
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;

  static bool is_interrupted() { return current_ != nullptr && current_->load(std::memory_order_relaxed); }

 private:
  static inline thread_local const std::atomic<bool>* current_ = nullptr;

  const std::atomic<bool>* const before_;
};

// Error kCancelled when this thread's work was called off. As cheap as a load.
inline void check_interrupt() {
  if (InterruptScope::is_interrupted()) [[unlikely]]
    throw Error(ErrorCode::kCancelled, "nobody waits for the answer any more");
}

}  // namespace gantry
