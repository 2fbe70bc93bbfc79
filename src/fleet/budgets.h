// Who holds which bytes of which memory. Memories go by the ids of their devices, the host's by
// plan::kMainMemory where no device computes in it. A loan is taken before anything is loaded and given back
// when it goes, so two loads can never count on the same bytes. Pure arithmetic: knows no device.
// Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::fleet {

struct Share {
  std::string memory;  // "cuda:0"
  uint64_t bytes = 0;
  bool operator==(const Share&) const = default;
};
using Shares = std::vector<Share>;

// The bytes of `memory` among the shares.
uint64_t bytes_in(const Shares& shares, std::string_view memory);

class Ledger;

// Bytes that a model holds. Given back when it goes, which may be after the Budgets.
class Loan {
 public:
  Loan() = default;
  Loan(Loan&& other) noexcept = default;
  Loan& operator=(Loan&& other) noexcept;
  ~Loan();

  const Shares& shares() const { return shares_; }
  // The bytes have been taken: from now on what the system calls free is without them.
  void settle();

 private:
  friend class Budgets;
  Loan(std::shared_ptr<Ledger> ledger, uint64_t number, Shares shares)
      : ledger_(std::move(ledger)), number_(number), shares_(std::move(shares)) {}
  void give_back();

  std::shared_ptr<Ledger> ledger_;  // nullptr: nothing is held
  uint64_t number_ = 0;
  Shares shares_;
};

class Budgets {
 public:
  Budgets();

  // What the system calls free in a memory just now, and the most that all loans together may hold of it
  // (0: no limit). Returns what is left to lend. The last call is what lend() goes by: a plan made from the
  // answer is not refused because the system's number moved meanwhile.
  uint64_t measure(const std::string& memory, uint64_t free_now, uint64_t cap);
  // The most that all loans together may hold, as of the last measure().
  uint64_t total(std::string_view memory) const;
  // All of it or nothing. Error kMemory with the arithmetic, naming the holders.
  Loan lend(const std::string& holder, Shares shares);

  // "a 1.50 GiB, b 300 MiB"; empty where nobody holds any.
  std::string holders(std::string_view memory) const;

 private:
  const std::shared_ptr<Ledger> ledger_;
};

}  // namespace gantry::fleet
