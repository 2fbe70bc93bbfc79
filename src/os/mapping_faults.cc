#include "os/mapping_faults.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <mutex>
#include <utility>

#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"

namespace gantry::os {

// One watched mapping, or none. Never freed, so that the handler may walk the list at any time.
struct WatchedMapping::Entry {
  std::atomic<uintptr_t> begin{0};  // 0: free
  std::atomic<size_t> bytes{0};
  std::atomic<uint64_t> fault{kNoFault};
  Entry* next = nullptr;

  static constexpr uint64_t kNoFault = ~uint64_t{0};
};

// What the handler may touch.
struct Watch {
  using Entry = WatchedMapping::Entry;

  static std::atomic<Entry*> first;
  static uintptr_t page_bytes;
  static struct sigaction before;
  static std::mutex mutex;  // of those who add and free entries

  static bool put_zeros(uintptr_t at);
  static void install();
};

std::atomic<Watch::Entry*> Watch::first{nullptr};
uintptr_t Watch::page_bytes = 0;
struct sigaction Watch::before {};
std::mutex Watch::mutex;
static_assert(std::atomic<uintptr_t>::is_always_lock_free && std::atomic<uint64_t>::is_always_lock_free);

// All that follows the page too: what was cut off is found once and not once a page.
bool Watch::put_zeros(uintptr_t at) {
  for (Entry* entry = first.load(); entry != nullptr; entry = entry->next) {
    const uintptr_t begin = entry->begin.load();
    const size_t bytes = entry->bytes.load();
    if (entry->begin.load() != begin) continue;  // it became another mapping's meanwhile
    if (begin == 0 || at < begin || at - begin >= bytes) continue;
    const uintptr_t page = at / page_bytes * page_bytes;
    if (::mmap(reinterpret_cast<void*>(page), begin + bytes - page, PROT_READ,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) == MAP_FAILED)
      return false;
    uint64_t known = entry->fault.load();
    while (page - begin < known && !entry->fault.compare_exchange_weak(known, page - begin)) {
    }
    return true;
  }
  return false;
}

extern "C" {
static void on_bus_error(int signal, siginfo_t* info, void* /*context*/) {
  const int saved = errno;
  const bool of_memory = info->si_code > 0;  // not sent by a process
  if (!of_memory || !Watch::put_zeros(reinterpret_cast<uintptr_t>(info->si_addr))) {
    // As if we had never been there: the same access faults again, a signal that was sent is sent again.
    ::sigaction(SIGBUS, &Watch::before, nullptr);
    if (!of_memory) ::raise(signal);
  }
  errno = saved;
}
}

void Watch::install() {
  static std::once_flag once;
  std::call_once(once, [] {
    page_bytes = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
    struct sigaction action {};
    action.sa_sigaction = on_bus_error;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    sigemptyset(&action.sa_mask);
    GANTRY_CHECK_EQ(::sigaction(SIGBUS, &action, &before), 0);
  });
}

WatchedMapping::WatchedMapping(const void* data, size_t bytes) {
  Watch::install();
  const std::lock_guard lock(Watch::mutex);
  entry_ = Watch::first.load();
  while (entry_ != nullptr && entry_->begin.load() != 0) entry_ = entry_->next;
  const bool is_new = entry_ == nullptr;
  if (is_new) entry_ = new Entry;
  entry_->fault.store(Entry::kNoFault);
  entry_->bytes.store(bytes);
  entry_->begin.store(reinterpret_cast<uintptr_t>(data));
  if (!is_new) return;
  entry_->next = Watch::first.load();
  Watch::first.store(entry_);
}

WatchedMapping::WatchedMapping(WatchedMapping&& other) noexcept
    : entry_(std::exchange(other.entry_, nullptr)) {}

WatchedMapping& WatchedMapping::operator=(WatchedMapping&& other) noexcept {
  if (this != &other) {
    end();
    entry_ = std::exchange(other.entry_, nullptr);
  }
  return *this;
}

void WatchedMapping::end() {
  if (entry_ == nullptr) return;
  const std::lock_guard lock(Watch::mutex);
  std::exchange(entry_, nullptr)->begin.store(0);
}

std::optional<uint64_t> WatchedMapping::fault() const {
  if (entry_ == nullptr) return std::nullopt;
  const uint64_t fault = entry_->fault.load();
  if (fault == Entry::kNoFault) return std::nullopt;
  return fault;
}

}  // namespace gantry::os
