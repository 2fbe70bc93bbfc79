#include "fleet/budgets.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <mutex>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/error.h"

namespace gantry::fleet {
namespace {

uint64_t less(uint64_t from, uint64_t bytes) { return from > bytes ? from - bytes : 0; }

}  // namespace

uint64_t bytes_in(const Shares& shares, std::string_view memory) {
  uint64_t sum = 0;
  for (const Share& share : shares)
    if (share.memory == memory) sum += share.bytes;
  return sum;
}

// Outlives the Budgets as long as a loan is out.
class Ledger {
 public:
  uint64_t measure(const std::string& memory, uint64_t free_now, uint64_t cap) {
    const std::lock_guard lock(mutex_);
    // What is settled is missing from `free_now` already.
    const uint64_t budget =
        std::min(cap == 0 ? std::numeric_limits<uint64_t>::max() : cap,
                 free_now + held(memory, [](const Entry& entry) { return entry.settled; }));
    budgets_[memory] = budget;
    return left(memory);
  }

  uint64_t lend(const std::string& holder, const Shares& shares) {
    const std::lock_guard lock(mutex_);
    for (const Share& share : shares) {
      const uint64_t bytes = bytes_in(shares, share.memory), there = left(share.memory);
      if (bytes > there) throw refusal(holder, share.memory, bytes, there);
    }
    entries_[++last_] = {holder, shares, false};
    return last_;
  }
  void settle(uint64_t number) {
    const std::lock_guard lock(mutex_);
    entries_.at(number).settled = true;
  }
  void give_back(uint64_t number) {
    const std::lock_guard lock(mutex_);
    entries_.erase(number);
  }
  uint64_t total(std::string_view memory) const {
    const std::lock_guard lock(mutex_);
    const auto budget = budgets_.find(memory);
    return budget == budgets_.end() ? 0 : budget->second;
  }
  std::string holders(std::string_view memory) const {
    const std::lock_guard lock(mutex_);
    return list_holders(memory);
  }

 private:
  struct Entry {
    std::string holder;
    Shares shares;
    bool settled = false;
  };

  // The following: under the mutex.
  template <typename Which>
  uint64_t held(std::string_view memory, const Which& which) const {
    uint64_t sum = 0;
    for (const auto& [number, entry] : entries_)
      if (which(entry)) sum += bytes_in(entry.shares, memory);
    return sum;
  }
  uint64_t left(const std::string& memory) const {
    const auto budget = budgets_.find(memory);
    GANTRY_CHECK(budget != budgets_.end());  // what was never measured is not lent
    return less(budget->second, held(memory, [](const Entry&) { return true; }));
  }
  std::string list_holders(std::string_view memory) const {
    std::string out;
    for (const auto& [number, entry] : entries_) {
      const uint64_t bytes = bytes_in(entry.shares, memory);
      if (bytes != 0)
        out += fmt::format("{}{} {}", out.empty() ? "" : ", ", entry.holder, human_bytes(bytes));
    }
    return out;
  }
  Error refusal(const std::string& holder, const std::string& memory, uint64_t bytes, uint64_t there) const {
    const std::string others = list_holders(memory);
    return {ErrorCode::kMemory,
            fmt::format("'{}' needs {}, but {} left; {}", holder, human_bytes(bytes),
                        human_bytes(there) + (there == 0 ? " is" : " are"),
                        others.empty() ? "no model holds any" : "held by " + others),
            memory, "unload a model, or load this one with less context or fewer parallel requests"};
  }

  mutable std::mutex mutex_;
  std::map<std::string, uint64_t, std::less<>> budgets_;  // for all loans together
  std::map<uint64_t, Entry> entries_;
  uint64_t last_ = 0;
};

Loan& Loan::operator=(Loan&& other) noexcept {
  if (this == &other) return *this;
  give_back();
  ledger_ = std::move(other.ledger_);
  number_ = other.number_;
  shares_ = std::move(other.shares_);
  return *this;
}

Loan::~Loan() { give_back(); }

void Loan::give_back() {
  if (const auto ledger = std::exchange(ledger_, nullptr)) ledger->give_back(number_);
}

void Loan::settle() {
  if (ledger_) ledger_->settle(number_);
}

Budgets::Budgets() : ledger_(std::make_shared<Ledger>()) {}

uint64_t Budgets::measure(const std::string& memory, uint64_t free_now, uint64_t cap) {
  return ledger_->measure(memory, free_now, cap);
}

uint64_t Budgets::total(std::string_view memory) const { return ledger_->total(memory); }

Loan Budgets::lend(const std::string& holder, Shares shares) {
  const uint64_t number = ledger_->lend(holder, shares);
  return {ledger_, number, std::move(shares)};
}

std::string Budgets::holders(std::string_view memory) const { return ledger_->holders(memory); }

}  // namespace gantry::fleet
