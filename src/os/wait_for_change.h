// Waiting for a number that another thread will change: first awake, as the change is mostly near, then
// asleep, so that a busy machine is not made busier. Whoever changes it must notify.
#pragma once

#include <atomic>
#include <cstdint>

namespace gantry::os {

inline void pause_briefly() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// Returns once `value` differs from `old`; what was written before the change is seen. `spins`: looks while
// awake; a thousand take some tens of microseconds.
inline void wait_for_change(const std::atomic<uint32_t>& value, uint32_t old, uint32_t spins) {
  for (uint32_t i = 0; i < spins; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    pause_briefly();
  }
  value.wait(old, std::memory_order_acquire);
}

}  // namespace gantry::os
