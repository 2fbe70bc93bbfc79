#include "os/memory_account.h"

#include <algorithm>

#include <fmt/format.h>
#include <malloc.h>

#include "base/bytes.h"

namespace gantry::os {
namespace {

constexpr uint64_t kPiece = uint64_t{64} << 10;   // accounts take so much at once from the pool
constexpr uint64_t kLarge = uint64_t{8} << 20;    // what such a one had goes back to the system when it ends
constexpr uint64_t kSpare = uint64_t{256} << 10;  // and give back what they have beyond this

thread_local constinit MemoryAccount* current_account = nullptr;

void raise(std::atomic<uint64_t>& peak, uint64_t value) {
  uint64_t seen = peak.load(std::memory_order_relaxed);
  while (seen < value && !peak.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
  }
}

}  // namespace

bool MemoryPool::try_take(uint64_t bytes) {
  uint64_t taken = taken_.load(std::memory_order_relaxed);
  do {
    if (bytes > limit_ || taken > limit_ - bytes) return false;
  } while (!taken_.compare_exchange_weak(taken, taken + bytes, std::memory_order_relaxed));
  raise(peak_, taken + bytes);
  return true;
}

std::shared_ptr<MemoryAccount> MemoryAccount::create(std::shared_ptr<MemoryPool> pool, uint64_t limit) {
  const AccountScope nobody(nullptr);
  return {new MemoryAccount(std::move(pool), limit), [](MemoryAccount* account) { account->disown(); }};
}

// Whoever has no owner any more sets nothing aside, and keeps no spare.
void MemoryAccount::disown() {
  kept_.store(0, std::memory_order_relaxed);
  const uint64_t held = taken();
  uint64_t granted = granted_.load(std::memory_order_relaxed);
  if (granted > held && granted_.compare_exchange_strong(granted, held, std::memory_order_relaxed))
    pool_->give(granted - held);
  let_go(kOwned);
}

void MemoryAccount::let_go(uint64_t part) {
  if (held_.fetch_sub(part, std::memory_order_acq_rel) != part) return;
  const bool was_large = peak_.load(std::memory_order_relaxed) >= kLarge;
  delete this;
  if (was_large) ::malloc_trim(0);
}

bool MemoryAccount::is_to_fail() {
  uint64_t number = fail_at_.load(std::memory_order_relaxed);
  while (number != 0) {
    if (number == 1 && fails_ever_after_.load(std::memory_order_relaxed)) return true;
    if (fail_at_.compare_exchange_weak(number, number - 1, std::memory_order_relaxed)) return number == 1;
  }
  return false;
}

bool MemoryAccount::grant(uint64_t held) {
  const uint64_t granted = granted_.load(std::memory_order_relaxed);
  if (held <= granted) return true;
  const uint64_t least = held - granted, piece = (least + kPiece - 1) / kPiece * kPiece;
  if (pool_->try_take(piece)) {
    granted_.fetch_add(piece, std::memory_order_relaxed);
  } else if (pool_->try_take(least)) {
    granted_.fetch_add(least, std::memory_order_relaxed);
  } else {
    return false;
  }
  return true;
}

bool MemoryAccount::try_take(uint64_t bytes) {
  if (is_to_fail()) {
    refused_by_system();
    return false;
  }
  const uint64_t held = (held_.fetch_add(bytes, std::memory_order_relaxed) + bytes) & ~kOwned;
  const bool within = held <= limit_;
  if (within && grant(held)) {
    raise(peak_, held);
    return true;
  }
  shortage_.store(within ? Shortage::kPool : Shortage::kAccount, std::memory_order_relaxed);
  held_.fetch_sub(bytes, std::memory_order_relaxed);
  return false;
}

// What lies idle goes back to the pool. A thread that takes at the same time may find less granted than it
// counted on: then the next one to take makes up for it.
void MemoryAccount::give(uint64_t bytes) {
  const uint64_t left = (held_.load(std::memory_order_relaxed) & ~kOwned) - bytes;
  const uint64_t wanted = std::max(left + kSpare, kept_.load(std::memory_order_relaxed));
  uint64_t granted = granted_.load(std::memory_order_relaxed);
  if (granted > wanted + kSpare &&
      granted_.compare_exchange_strong(granted, wanted, std::memory_order_relaxed))
    pool_->give(granted - wanted);
  let_go(bytes);
}

bool MemoryAccount::set_aside(uint64_t bytes) {
  const uint64_t wanted = taken() + bytes;
  kept_.store(0, std::memory_order_relaxed);
  if (bytes == 0) return true;
  const bool within = bytes <= limit_ && wanted <= limit_;
  if (within && grant(wanted)) {
    kept_.store(wanted, std::memory_order_relaxed);
    return true;
  }
  shortage_.store(within ? Shortage::kPool : Shortage::kAccount, std::memory_order_relaxed);
  return false;
}

AccountScope::AccountScope(MemoryAccount* account) : before_(current_account) { current_account = account; }
AccountScope::~AccountScope() { current_account = before_; }

MemoryAccount* MemoryAccount::current() { return current_account; }

std::shared_ptr<MemoryAccount> share_current_account() {
  return current_account == nullptr ? nullptr : current_account->shared_from_this();
}

Error shortage_error(const MemoryAccount& account) {
  switch (account.shortage()) {
    case Shortage::kAccount:
      return {
          ErrorCode::kTooLarge,
          fmt::format("this request came to {} of memory, the most that one may take of the {} for all (the "
                      "server's setting 'request_memory'); send less at once, or raise it",
                      human_bytes(account.limit()), human_bytes(account.pool().limit()))};
    case Shortage::kPool:
      return {ErrorCode::kBusy,
              fmt::format(
                  "requests hold {} of the {} of memory that they may take together (the server's setting "
                  "'request_memory'), and this one needs more; come back later, or raise it",
                  human_bytes(account.pool().taken()), human_bytes(account.pool().limit()))};
    case Shortage::kNone:
    case Shortage::kSystem:
      break;
  }
  return {ErrorCode::kExhausted, "the system has no more memory for this request; come back later"};
}

bool counts_allocations() {
  const auto account = MemoryAccount::create(std::make_shared<MemoryPool>(kPiece), kPiece);
  const AccountScope scope(account);
  // A plain `new int` may be optimised away.
  void* const memory = ::operator new(1);
  const bool counted = account->taken() > 0;
  ::operator delete(memory);
  return counted;
}

}  // namespace gantry::os
