// The fleet's own thread: slots come to life here and leave here, one at a time.
#include <algorithm>
#include <new>

#include <fmt/format.h>

#include "base/log.h"
#include "fleet/eviction.h"
#include "fleet/slot_fleet.h"

namespace gantry::fleet {
namespace {

bool fits(Candidate& candidate, const Shares& given_back) {
  try {
    candidate.plan(given_back);
    return true;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kMemory) throw;
    return false;
  }
}

}  // namespace

void SlotFleet::work() {
  Lock lock(mutex_);
  while (!closing_) {
    if (act(lock)) continue;
    // Its largest value would overflow on the way into the system's clock.
    if (const auto deadline = next_deadline(); deadline == Clock::time_point::max())
      changed_.wait(lock);
    else
      changed_.wait_until(lock, deadline);
  }
}

// Does one thing that is due; false: there is none.
bool SlotFleet::act(Lock& lock) {
  const auto now = Clock::now();
  Slot* next = nullptr;
  for (const auto& slot : slots_) {
    const bool drains = slot->card.state == SlotState::kDraining;
    if (drains && slot->lent == 0) {
      take_down(lock, *slot);
      return true;
    }
    if (drains && now >= slot->cut_at) {
      cut(lock, *slot);
      return true;
    }
    const bool ready =
        slot->card.state == SlotState::kLoading && (slot->tried_at != changes_ || now >= slot->give_up_at);
    if (ready && (next == nullptr || slot->wanted < next->wanted)) next = slot.get();
  }
  if (next != nullptr) bring_up(lock, *next);
  return next != nullptr;
}

Clock::time_point SlotFleet::next_deadline() const {
  auto deadline = Clock::time_point::max();
  for (const auto& slot : slots_) {
    if (slot->card.state == SlotState::kDraining) deadline = std::min(deadline, slot->cut_at);
    if (slot->card.state == SlotState::kLoading) deadline = std::min(deadline, slot->give_up_at);
  }
  return deadline;
}

// The time of a model that leaves is over; its leases come back once their answers are cancelled.
void SlotFleet::cut(Lock& lock, Slot& slot) {
  slot.cut_at = Clock::time_point::max();
  lock.unlock();
  slot.model->engine().drain(std::chrono::milliseconds(0));
  lock.lock();
}

// Nobody has a lease of it, and nobody gets one.
void SlotFleet::take_down(Lock& lock, Slot& slot) {
  std::unique_ptr<LiveModel> model = std::move(slot.model);
  lock.unlock();
  model.reset();
  log::info("fleet", "{} has left", slot.card.id);
  lock.lock();
  slot.cut_at = Clock::time_point::max();
  slot.card.state = SlotState::kCold;
  ++changes_;
  if (slot.wanted != 0) want(slot);  // while it left
}

void SlotFleet::bring_up(Lock& lock, Slot& slot) {
  const bool last_try = Clock::now() >= slot.give_up_at;
  slot.in_work = true;
  lock.unlock();
  Outcome outcome = try_to_load(slot);
  if (!outcome.waits || last_try) slot.candidate.reset();
  lock.lock();
  if (slot.unwanted || closing_) return discard(lock, slot, std::move(outcome.model));
  slot.in_work = false;
  if (outcome.model) return come_to_life(lock, slot, std::move(outcome.model));
  if (!outcome.waits) return give_up(lock, slot, SlotState::kFailed, *outcome.error);
  if (last_try)
    return give_up(lock, slot, SlotState::kCold,
                   Error(ErrorCode::kBusy, "the models in its way stayed in use: " + outcome.error->message(),
                         outcome.error->where(), "try again later"));
  slot.tried_at = outcome.seen;
  if (slot.give_up_at == Clock::time_point::max()) slot.give_up_at = Clock::now() + options_.room_wait;
}

// unload() or the end came while it was loaded.
void SlotFleet::discard(Lock& lock, Slot& slot, std::unique_ptr<LiveModel> model) {
  lock.unlock();
  model.reset();
  slot.candidate.reset();
  lock.lock();
  slot.in_work = slot.unwanted = false;
  slot.card.state = SlotState::kCold;
  ++changes_;
  if (slot.wanted != 0) want(slot);  // since then
}

void SlotFleet::come_to_life(Lock& lock, Slot& slot, std::unique_ptr<LiveModel> model) {
  ModelCard card = model->card();
  card.id = slot.card.id;
  card.state = SlotState::kLive;
  card.loads = slot.card.loads + 1;
  slot.card = std::move(card);
  slot.model = std::move(model);
  slot.used = ++uses_;
  std::vector<Waiter> waiting = forget(slot);
  for (size_t i = 0; i < waiting.size(); ++i) pin(slot);
  lock.unlock();
  for (const Waiter& waiter : waiting) waiter.ready(lease_of(slot), std::nullopt);
  waiting.clear();  // one of them may hold the last lease: it is given back under the mutex
  lock.lock();
}

void SlotFleet::give_up(Lock& lock, Slot& slot, SlotState state, const Error& error) {
  slot.card.state = state;
  slot.card.failure = state == SlotState::kFailed ? error.what() : "";
  slot.last_words = error;
  slot.failed_at = Clock::now();
  std::vector<Waiter> waiting = forget(slot);
  lock.unlock();
  // Whoever waits for it is told, and the log with him.
  log::debug("fleet", "{} could not be loaded: {}", slot.card.id, error.what());
  for (const Waiter& waiter : waiting) waiter.ready(nullptr, error);
  waiting.clear();  // as in come_to_life()
  lock.lock();
}

// The following: not under the mutex.

SlotFleet::Outcome SlotFleet::try_to_load(Slot& slot) {
  Outcome outcome;
  const auto begun = Clock::now();
  try {
    if (!slot.candidate) slot.candidate = loader_->open(slot.settings);
    if (!make_room(slot, outcome)) return outcome;
    outcome.model = slot.candidate->load([&](std::string_view stage, double fraction) {
      check_wanted(slot);
      if (options_.progress) options_.progress(slot.card.id, stage, fraction);
    });
    const ModelCard& card = outcome.model->card();
    log::info("fleet", "{} is live after {:.1f} s: {}", slot.card.id,
              std::chrono::duration<double>(Clock::now() - begun).count(), card.memory);
    for (const std::string& note : card.notes) log::warn("fleet", "{}: {}", slot.card.id, note);
  } catch (const Error& error) {
    outcome.error = error;
  } catch (const std::bad_alloc&) {
    outcome.error = Error(ErrorCode::kMemory, "the system gives no more memory", slot.settings.model_path);
  } catch (const std::exception& error) {
    outcome.error = Error(ErrorCode::kInternal, error.what(), slot.settings.model_path);
  }
  return outcome;
}

// True: the candidate fits, perhaps after others left. False: it would, were models idle that are in use.
// Error kMemory: it does not fit beside nobody.
bool SlotFleet::make_room(Slot& slot, Outcome& outcome) {
  while (true) {
    check_wanted(slot);
    try {
      slot.candidate->plan({});
      return true;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kMemory) throw;
      outcome.error = error;
    }
    const Residents residents = look_around();
    const auto chosen = choose_evictions(
        residents.idle_shares, [&](const Shares& given_back) { return fits(*slot.candidate, given_back); });
    if (!chosen.empty()) {
      std::vector<Slot*> leaving;
      for (const size_t i : chosen) leaving.push_back(residents.idle[i]);
      evict(leaving);
      continue;
    }
    if (!residents.busy || !fits(*slot.candidate, residents.all_shares)) throw Error(*outcome.error);
    outcome.waits = true;
    outcome.seen = residents.seen;
    return false;
  }
}

SlotFleet::Residents SlotFleet::look_around() const {
  const std::lock_guard lock(mutex_);
  Residents residents;
  residents.seen = changes_;
  for (const auto& slot : slots_) {
    if (!slot->model) continue;
    const Shares& shares = slot->model->shares();
    residents.all_shares.insert(residents.all_shares.end(), shares.begin(), shares.end());
    if (slot->card.state == SlotState::kLive && slot->lent == 0)
      residents.idle.push_back(slot.get());
    else
      residents.busy = true;
  }
  std::sort(residents.idle.begin(), residents.idle.end(),
            [](const Slot* a, const Slot* b) { return a->used < b->used; });
  for (const Slot* slot : residents.idle) residents.idle_shares.push_back(slot->model->shares());
  return residents;
}

// All of them, or none when one has been leased meanwhile. While one leaves, drain() may pin another: that
// one leaves when it is given back.
void SlotFleet::evict(const std::vector<Slot*>& leaving) {
  Lock lock(mutex_);
  for (const Slot* slot : leaving)
    if (slot->card.state != SlotState::kLive || slot->lent != 0) return;
  for (Slot* slot : leaving) slot->card.state = SlotState::kDraining;
  for (Slot* slot : leaving)
    if (slot->lent == 0) take_down(lock, *slot);
}

void SlotFleet::check_wanted(const Slot& slot) const {
  const std::lock_guard lock(mutex_);
  if (slot.unwanted || closing_)
    throw Error(ErrorCode::kCancelled, "nobody wants the model any more", slot.settings.model_path);
}

}  // namespace gantry::fleet
