// How many bytes the values of a rendering hold, and no more than it may: a template, or a request that it
// takes apart, cannot fill the machine. Counted by thread, because a rendering is one thread; what one thread
// makes and another releases (constants of a template) only moves a thread's zero, and a rendering counts
// from where it began. Beyond the limit: TemplateError kLimit, from wherever the bytes were asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>

namespace gantry::jinja {

struct MemoryAccount {
  int64_t held = 0;
  int64_t limit = std::numeric_limits<int64_t>::max();  // of `held`; no limit outside a rendering
};
extern thread_local constinit MemoryAccount memory_account;

[[noreturn]] void over_memory();

inline void take_memory(size_t bytes) {
  const int64_t held = memory_account.held + static_cast<int64_t>(bytes);
  if (held > memory_account.limit) over_memory();
  memory_account.held = held;
}
inline void give_memory(size_t bytes) noexcept { memory_account.held -= static_cast<int64_t>(bytes); }

// The limit of one rendering, in force while it lives.
class MemoryLimit {
 public:
  explicit MemoryLimit(uint64_t bytes) : before_(memory_account.limit) {
    memory_account.limit = memory_account.held + static_cast<int64_t>(bytes);
  }
  ~MemoryLimit() { memory_account.limit = before_; }
  MemoryLimit(const MemoryLimit&) = delete;
  MemoryLimit& operator=(const MemoryLimit&) = delete;

 private:
  int64_t before_;
};

// For containers of values.
template <class T>
struct CountingAllocator {
  using value_type = T;
  CountingAllocator() = default;
  template <class U>
  CountingAllocator(const CountingAllocator<U>&) noexcept {}
  T* allocate(size_t count) {
    if (count > std::numeric_limits<size_t>::max() / 2 / sizeof(T)) over_memory();
    take_memory(count * sizeof(T));
    try {
      return std::allocator<T>().allocate(count);
    } catch (...) {
      give_memory(count * sizeof(T));
      throw;
    }
  }
  void deallocate(T* memory, size_t count) noexcept {
    give_memory(count * sizeof(T));
    std::allocator<T>().deallocate(memory, count);
  }
  template <class U>
  bool operator==(const CountingAllocator<U>&) const noexcept {
    return true;
  }
};

}  // namespace gantry::jinja
