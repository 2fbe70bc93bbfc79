// Inside fleet only: the slots and the thread that loads and unloads them. One mutex guards all slots; it is
// never held while a model is opened, planned, loaded or destroyed, nor while a Ready is called.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "fleet/fleet.h"

namespace gantry::fleet {

using Clock = std::chrono::steady_clock;

struct Waiter {
  Fleet::Ticket ticket;
  Fleet::Ready ready;
};

struct Slot {
  explicit Slot(LoadSettings given) : settings(std::move(given)) {}

  const LoadSettings settings;
  ModelCard card;
  std::unique_ptr<LiveModel> model;  // kLive and kDraining; only the fleet's thread takes it away
  uint64_t lent = 0;                 // leases that are out
  uint64_t used = 0;                 // when a lease last went out or came back, counted in uses of the fleet
  std::vector<Waiter> waiting;

  uint64_t wanted = 0;    // when it was first asked for, counted in wishes; 0: nobody wants it
  bool bidden = false;    // by load(): wanted though no lease waits for it
  bool in_work = false;   // kLoading: the fleet's thread is at it
  bool unwanted = false;  // in_work: unload() was called meanwhile
  Clock::time_point cut_at = Clock::time_point::max();  // kDraining: running answers are cancelled then

  // kLoading, waits for others to become idle: opened already; looked at again after a change, until then.
  std::unique_ptr<Candidate> candidate;
  uint64_t tried_at = 0;  // SlotFleet::changes_
  Clock::time_point give_up_at = Clock::time_point::max();

  std::optional<Error> last_words;  // kFailed
  Clock::time_point failed_at;
};

class SlotFleet final : public Fleet {
 public:
  SlotFleet(std::vector<LoadSettings> settings, std::unique_ptr<Loader> loader, FleetOptions options);
  ~SlotFleet() override;

  std::vector<ModelCard> list() const override;
  std::vector<ModelStats> stats() const override;
  Ticket lease(std::string_view id, Ready ready) override;
  bool withdraw(Ticket ticket) override;
  void load(std::string_view id) override;
  void unload(std::string_view id, std::chrono::milliseconds limit) override;
  bool drain(std::chrono::milliseconds limit) override;

 private:
  using Lock = std::unique_lock<std::mutex>;

  // slot_fleet.cc. Under the mutex, but for lease_of() and give_back().
  Slot& slot_of(std::string_view id);  // Error kNotFound
  void want(Slot& slot);
  void pin(Slot& slot);
  bool is_left_alone(const Slot& slot) const;
  std::vector<Waiter> forget(Slot& slot);
  Lease lease_of(Slot& slot);  // of a slot that is pinned
  void give_back(Slot& slot);

  // slot_loading.cc: the fleet's thread. Those that take a lock give it up while they work.
  struct Outcome {
    std::unique_ptr<LiveModel> model;
    std::optional<Error> error;  // no model: why
    bool waits = false;          // it would fit, were models idle that are in use
    uint64_t seen = 0;           // changes_ when that was found
  };
  struct Residents {
    std::vector<Slot*> idle;  // the least recently used first
    std::vector<Shares> idle_shares;
    Shares all_shares;
    bool busy = false;  // not all of them are idle
    uint64_t seen = 0;  // changes_
  };
  void work();
  bool act(Lock& lock);
  Clock::time_point next_deadline() const;
  void cut(Lock& lock, Slot& slot);
  void take_down(Lock& lock, Slot& slot);
  void bring_up(Lock& lock, Slot& slot);
  void discard(Lock& lock, Slot& slot, std::unique_ptr<LiveModel> model);
  void come_to_life(Lock& lock, Slot& slot, std::unique_ptr<LiveModel> model);
  void give_up(Lock& lock, Slot& slot, SlotState state, const Error& error);
  Outcome try_to_load(Slot& slot);
  bool make_room(Slot& slot, Outcome& outcome);
  Residents look_around() const;
  void evict(const std::vector<Slot*>& leaving);
  void check_wanted(const Slot& slot) const;

  const std::unique_ptr<Loader> loader_;
  const FleetOptions options_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<Slot>> slots_;
  bool closing_ = false;
  Ticket last_ticket_ = kAnswered;
  uint64_t uses_ = 0, wishes_ = 0;
  uint64_t changes_ = 1;  // models that became idle or left: there may be room now
  std::thread thread_;
};

}  // namespace gantry::fleet
