// Whose turn it is among clients that want one thing: each has an account of what it has had, and what it
// asks for begins where its account stands, so that one who asks for much, or often, stands behind one who
// asks for little (start-time fair queueing: Goyal, Vin, Cheng, "Start-time fair queuing", 1996). Who is
// alone is first in, first out. Not thread-safe; allocates nothing after construction.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace gantry {

class FairTurns {
 public:
  // As many accounts as are kept at a time; of more clients those that owe least are forgotten.
  explicit FairTurns(size_t accounts_max) { accounts_.reserve(std::max<size_t>(accounts_max, 1)); }

  // Where something of this cost begins in its client's account. Whoever has the least begins next.
  uint64_t enter(uint64_t client, uint64_t cost) {
    Account& account = account_of(client);
    account.last = std::max({account.next, account.last, now_});
    account.next = account.last + cost;
    return account.last;
  }
  // What began there is being done: nobody who comes from now on begins before it.
  void begun(uint64_t turn) { now_ = std::max(now_, turn); }
  // It had another cost than it entered with. What else its client has entered keeps its turn.
  void settle(uint64_t client, uint64_t entered, uint64_t had) {
    Account& account = account_of(client);
    account.next = account.next + had > entered ? account.next + had - entered : 0;
  }
  // Nobody waits behind anybody.
  void forget() { accounts_.clear(); }

 private:
  struct Account {
    uint64_t client = 0;
    uint64_t next = 0;  // where what it asks for next begins,
    uint64_t last = 0;  // but not before this
  };

  Account& account_of(uint64_t client) {
    const auto found = std::ranges::find(accounts_, client, &Account::client);
    if (found != accounts_.end()) return *found;
    if (accounts_.size() < accounts_.capacity()) return accounts_.emplace_back(Account{client, now_, 0});
    return *std::ranges::min_element(accounts_, {}, &Account::next) = Account{client, now_, 0};
  }

  std::vector<Account> accounts_;
  uint64_t now_ = 0;  // where the last that was begun began
};

}  // namespace gantry
