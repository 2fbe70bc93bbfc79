// The program's `new` and `delete`: they keep, in front of each block, whose it is and how large
// (os/memory_account.h). Not in the room's library: a program that wants it says so (gantry_counted_new).
#include <cstdlib>
#include <new>

#include "os/memory_account.h"

namespace {

using gantry::os::MemoryAccount;

// In front of every block.
struct Header {
  MemoryAccount* account;  // or nullptr
  std::size_t bytes;       // in all
};
constexpr std::size_t kHeaderBytes = 16;
static_assert(sizeof(Header) == kHeaderBytes && alignof(std::max_align_t) == kHeaderBytes);

// Taken at the start and given up when the system has no more: those who allocate for no account, and could
// not be told, go on with it.
constexpr std::size_t kReserveBytes = std::size_t{4} << 20;
constinit std::atomic<void*> reserve = nullptr;
constinit std::atomic<bool> short_of_memory = false;

bool give_up_reserve() {
  void* const memory = reserve.exchange(nullptr);
  if (memory == nullptr) return false;
  short_of_memory.store(true, std::memory_order_relaxed);
  std::free(memory);
  return true;
}

// False: it cannot be had, so there is nothing for an account either.
bool fill_reserve() {
  void* const memory = std::malloc(kReserveBytes);
  if (memory == nullptr) return false;
  void* expected = nullptr;
  if (!reserve.compare_exchange_strong(expected, memory)) std::free(memory);
  short_of_memory.store(false, std::memory_order_relaxed);
  return true;
}

[[maybe_unused]] const bool filled_at_the_start = fill_reserve();

// nullptr: there is none.
void* system_memory(std::size_t bytes, std::size_t alignment, bool for_an_account) {
  const auto ask = [&] {
    return alignment <= kHeaderBytes ? std::malloc(bytes) : std::aligned_alloc(alignment, bytes);
  };
  if (for_an_account)
    return short_of_memory.load(std::memory_order_relaxed) && !fill_reserve() ? nullptr : ask();
  void* memory = ask();
  while (memory == nullptr && give_up_reserve()) memory = ask();
  return memory;
}

// The block begins `front` bytes behind what the system gave, the header right before it.
void* take(std::size_t size, std::size_t alignment) {
  const std::size_t front = alignment <= kHeaderBytes ? kHeaderBytes : alignment;
  if (size > SIZE_MAX - 2 * front) return nullptr;
  const std::size_t bytes = (size + front + front - 1) / front * front;
  MemoryAccount* const account = MemoryAccount::current();
  if (account != nullptr && !account->try_take(bytes)) return nullptr;
  void* const memory = system_memory(bytes, alignment, account != nullptr);
  if (memory == nullptr) {
    if (account != nullptr) {
      account->refused_by_system();
      account->give(bytes);
    }
    return nullptr;
  }
  char* const block = static_cast<char*>(memory) + front;
  ::new (block - kHeaderBytes) Header{account, bytes};
  return block;
}

void give(void* block, std::size_t alignment) noexcept {
  if (block == nullptr) return;
  const std::size_t front = alignment <= kHeaderBytes ? kHeaderBytes : alignment;
  const Header header = *reinterpret_cast<const Header*>(static_cast<char*>(block) - kHeaderBytes);
  std::free(static_cast<char*>(block) - front);
  if (header.account != nullptr) header.account->give(header.bytes);
}

void* take_or_throw(std::size_t size, std::size_t alignment) {
  while (true) {
    if (void* const memory = take(size, alignment)) return memory;
    const std::new_handler handler = std::get_new_handler();
    if (handler == nullptr) throw std::bad_alloc();
    handler();
  }
}

constexpr std::size_t of(std::align_val_t alignment) { return static_cast<std::size_t>(alignment); }

}  // namespace

void* operator new(std::size_t size) { return take_or_throw(size, 0); }
void* operator new[](std::size_t size) { return take_or_throw(size, 0); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return take_or_throw(size, of(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return take_or_throw(size, of(alignment));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return take(size, 0); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return take(size, 0); }
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return take(size, of(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return take(size, of(alignment));
}

void operator delete(void* block) noexcept { give(block, 0); }
void operator delete[](void* block) noexcept { give(block, 0); }
void operator delete(void* block, std::size_t) noexcept { give(block, 0); }
void operator delete[](void* block, std::size_t) noexcept { give(block, 0); }
void operator delete(void* block, std::align_val_t alignment) noexcept { give(block, of(alignment)); }
void operator delete[](void* block, std::align_val_t alignment) noexcept { give(block, of(alignment)); }
void operator delete(void* block, std::size_t, std::align_val_t alignment) noexcept {
  give(block, of(alignment));
}
void operator delete[](void* block, std::size_t, std::align_val_t alignment) noexcept {
  give(block, of(alignment));
}
void operator delete(void* block, const std::nothrow_t&) noexcept { give(block, 0); }
void operator delete[](void* block, const std::nothrow_t&) noexcept { give(block, 0); }
void operator delete(void* block, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  give(block, of(alignment));
}
void operator delete[](void* block, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  give(block, of(alignment));
}
