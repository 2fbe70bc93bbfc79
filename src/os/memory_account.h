// Whose bytes a thread's allocations are. Work for one request runs under its account (AccountScope): every
// `new` of the thread takes from it, and whatever thread releases the memory gives it back to the same
// account, also when the request itself is long over. Accounts draw on one pool, whose limit is a number of
// the memory plan; so what a request becomes (a tree, a prompt, tokens, an answer that waits for its reader)
// is bounded and not only what it sends. Beyond a limit `new` throws std::bad_alloc, and shortage() tells
// which limit it was.
//
// Memory taken outside of any scope is counted nowhere. Where the system itself refuses memory, that gets a
// reserve kept for this purpose and accounts get nothing: one request fails and the server goes on.
//
// Under a sanitizer, whose own `new` is at work, nothing is counted: counts_allocations() is false.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/error.h"

namespace gantry::os {

// Thread-safe.
class MemoryPool {
 public:
  explicit MemoryPool(uint64_t limit) : limit_(limit) {}
  MemoryPool(const MemoryPool&) = delete;
  MemoryPool& operator=(const MemoryPool&) = delete;

  uint64_t limit() const { return limit_; }
  uint64_t taken() const { return taken_.load(std::memory_order_relaxed); }
  uint64_t peak() const { return peak_.load(std::memory_order_relaxed); }

 private:
  friend class MemoryAccount;
  bool try_take(uint64_t bytes);
  void give(uint64_t bytes) { taken_.fetch_sub(bytes, std::memory_order_relaxed); }

  const uint64_t limit_;
  std::atomic<uint64_t> taken_ = 0, peak_ = 0;
};

enum class Shortage : uint8_t {
  kNone,
  kAccount,  // the account's own limit
  kPool,     // what all accounts may have together
  kSystem,   // the system gave no more
};

// Thread-safe. Lives until its owners have let go of it and the last of its bytes has come back.
class MemoryAccount : public std::enable_shared_from_this<MemoryAccount> {
 public:
  static std::shared_ptr<MemoryAccount> create(std::shared_ptr<MemoryPool> pool, uint64_t limit);
  MemoryAccount(const MemoryAccount&) = delete;
  MemoryAccount& operator=(const MemoryAccount&) = delete;

  // Sees to it that `bytes` more than now are there for this account, whatever others take; replaces what was
  // set aside before (0: nothing is). False: they are not, and nothing is set aside; shortage() says why.
  bool set_aside(uint64_t bytes);

  uint64_t limit() const { return limit_; }
  uint64_t taken() const { return held_.load(std::memory_order_relaxed) & ~kOwned; }
  uint64_t peak() const { return peak_.load(std::memory_order_relaxed); }
  const MemoryPool& pool() const { return *pool_; }
  // Why it was last refused memory.
  Shortage shortage() const { return shortage_.load(std::memory_order_relaxed); }

  // For tests: the `number`th allocation from now on fails (1: the next) as if the system had refused it, and
  // with `ever_after` all that follow too; 0: none.
  void fail_at(uint64_t number, bool ever_after = false) {
    fails_ever_after_.store(ever_after, std::memory_order_relaxed);
    fail_at_.store(number, std::memory_order_relaxed);
  }
  // Whether it has.
  bool has_failed() const { return shortage() != Shortage::kNone; }

  // For `new` and `delete`. Of the innermost scope of this thread, or nullptr:
  static MemoryAccount* current();
  bool try_take(uint64_t bytes);
  void give(uint64_t bytes);
  void refused_by_system() { shortage_.store(Shortage::kSystem, std::memory_order_relaxed); }

 private:
  static constexpr uint64_t kOwned = uint64_t{1} << 62;  // in held_, as long as it has an owner

  MemoryAccount(std::shared_ptr<MemoryPool> pool, uint64_t limit) : pool_(std::move(pool)), limit_(limit) {}
  ~MemoryAccount() { pool_->give(granted_.load(std::memory_order_relaxed)); }
  bool grant(uint64_t held);
  void disown();
  void let_go(uint64_t part);
  bool is_to_fail();

  const std::shared_ptr<MemoryPool> pool_;
  const uint64_t limit_;
  std::atomic<uint64_t> held_ = kOwned;
  std::atomic<uint64_t> granted_ = 0;  // taken from the pool, in larger pieces
  std::atomic<uint64_t> kept_ = 0;     // granted_ does not fall below
  std::atomic<uint64_t> peak_ = 0, fail_at_ = 0;
  std::atomic<bool> fails_ever_after_ = false;
  std::atomic<Shortage> shortage_ = Shortage::kNone;
};

// This thread allocates for `account` while it lives; for nobody with nullptr.
class AccountScope {
 public:
  explicit AccountScope(MemoryAccount* account);
  explicit AccountScope(const std::shared_ptr<MemoryAccount>& account) : AccountScope(account.get()) {}
  ~AccountScope();
  AccountScope(const AccountScope&) = delete;
  AccountScope& operator=(const AccountScope&) = delete;

 private:
  MemoryAccount* const before_;
};
// Of the innermost scope, or nullptr.
std::shared_ptr<MemoryAccount> share_current_account();

// What whoever asked is told when its account was refused memory: kTooLarge where that was for its own limit,
// kBusy where others hold the memory, kExhausted where the system gave none.
Error shortage_error(const MemoryAccount& account);

bool counts_allocations();

}  // namespace gantry::os
