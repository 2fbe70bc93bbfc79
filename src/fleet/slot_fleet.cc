#include "fleet/slot_fleet.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"

namespace gantry::fleet {
namespace {

Error shutting_down() {
  return {ErrorCode::kShuttingDown, "the server is shutting down", "", "try again later"};
}

void tell(std::vector<Waiter> waiting, const Error& error) {
  for (const Waiter& waiter : waiting) waiter.ready(nullptr, error);
}

}  // namespace

SlotFleet::SlotFleet(std::vector<LoadSettings> settings, std::unique_ptr<Loader> loader, FleetOptions options)
    : loader_(std::move(loader)), options_(std::move(options)) {
  for (LoadSettings& wanted : settings) {
    ModelCard card = describe(wanted);
    for (const auto& other : slots_)
      if (other->card.id == card.id)
        throw Error(ErrorCode::kUsage, fmt::format("two models go by the name '{}'", card.id), "alias",
                    "clients tell them apart by their names: give one of them an alias");
    slots_.push_back(std::make_unique<Slot>(std::move(wanted)));
    slots_.back()->card = std::move(card);
  }
  thread_ = std::thread([this] { work(); });
}

// Whoever still listens to an answer is told that it is cancelled, and gives its lease back. A model never
// goes with the last lease: that one is given back on whatever thread spoke last, often one of the model's
// own, and no thread can wait for its own end.
SlotFleet::~SlotFleet() {
  drain(std::chrono::milliseconds(0));
  thread_.join();
  Lock lock(mutex_);
  changed_.wait(lock, [this] {
    return std::all_of(slots_.begin(), slots_.end(), [](const auto& slot) { return slot->lent == 0; });
  });
}

std::vector<ModelCard> SlotFleet::list() const {
  const std::lock_guard lock(mutex_);
  std::vector<ModelCard> cards;
  for (const auto& slot : slots_) cards.push_back(slot->card);
  return cards;
}

std::vector<ModelStats> SlotFleet::stats() const {
  const std::lock_guard lock(mutex_);
  std::vector<ModelStats> out;
  for (const auto& slot : slots_)
    if (slot->model) out.push_back({slot->card.id, slot->model->engine().stats()});
  return out;
}

Fleet::Ticket SlotFleet::lease(std::string_view id, Ready ready) {
  std::optional<Error> refusal;
  Slot* live = nullptr;
  try {
    const std::lock_guard lock(mutex_);
    if (closing_) throw shutting_down();
    Slot& slot = slot_of(id);
    if (slot.card.state == SlotState::kLive) {
      pin(slot);
      live = &slot;
    } else if (is_left_alone(slot)) {
      throw *slot.last_words;
    } else if (slot.waiting.size() >= options_.waiting_max) {
      throw Error(ErrorCode::kBusy, fmt::format("'{}' is being loaded, and {} requests wait for it already",
                                                slot.card.id, slot.waiting.size()));
    } else {
      slot.waiting.push_back({++last_ticket_, std::move(ready)});
      want(slot);
      return last_ticket_;
    }
  } catch (const Error& error) {
    refusal = error;
  }
  ready(live == nullptr ? nullptr : lease_of(*live), std::move(refusal));
  return kAnswered;
}

bool SlotFleet::withdraw(Ticket ticket) {
  Ready dropped;  // both go outside the lock: the first may hold a lease
  std::unique_ptr<Candidate> opened;
  const std::lock_guard lock(mutex_);
  for (const auto& slot : slots_) {
    const auto found = std::find_if(slot->waiting.begin(), slot->waiting.end(),
                                    [&](const Waiter& waiter) { return waiter.ticket == ticket; });
    if (found == slot->waiting.end()) continue;
    dropped = std::move(found->ready);
    slot->waiting.erase(found);
    if (slot->waiting.empty() && !slot->bidden && !slot->in_work) {
      slot->wanted = 0;
      if (slot->card.state == SlotState::kLoading) slot->card.state = SlotState::kCold;
      opened = std::move(slot->candidate);
    }
    return true;
  }
  return false;
}

void SlotFleet::load(std::string_view id) {
  const std::lock_guard lock(mutex_);
  if (closing_) throw shutting_down();
  Slot& slot = slot_of(id);
  if (slot.card.state == SlotState::kLive) return;
  slot.bidden = true;
  want(slot);
}

void SlotFleet::unload(std::string_view id, std::chrono::milliseconds limit) {
  std::vector<Waiter> waiting;
  std::unique_ptr<Candidate> opened;
  std::string name;
  {
    const std::lock_guard lock(mutex_);
    if (closing_) throw shutting_down();
    Slot& slot = slot_of(id);
    name = slot.card.id;
    waiting = forget(slot);
    if (slot.in_work) {
      slot.unwanted = true;
    } else if (slot.model) {
      slot.card.state = SlotState::kDraining;
      slot.cut_at = std::min(slot.cut_at, Clock::now() + limit);
    } else if (slot.card.state != SlotState::kDraining) {  // one that leaves just now does so
      slot.card.state = SlotState::kCold;
      slot.card.failure.clear();
      opened = std::move(slot.candidate);
    }
    changed_.notify_all();
  }
  tell(std::move(waiting),
       Error(ErrorCode::kBusy, fmt::format("'{}' was unloaded while it was waited for", name)));
}

bool SlotFleet::drain(std::chrono::milliseconds limit) {
  std::vector<Waiter> waiting;
  std::vector<Slot*> pinned;
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    for (const auto& slot : slots_) {
      for (Waiter& waiter : forget(*slot)) waiting.push_back(std::move(waiter));
      if (!slot->model) continue;
      pin(*slot);
      pinned.push_back(slot.get());
    }
    changed_.notify_all();
  }
  std::vector<Lease> models;
  for (Slot* slot : pinned) models.push_back(lease_of(*slot));
  tell(std::move(waiting), shutting_down());
  const auto deadline = Clock::now() + limit;
  bool whole = true;
  for (const Lease& model : models) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    whole &= model->engine().drain(std::max(left, std::chrono::milliseconds(0)));
  }
  return whole;
}

Slot& SlotFleet::slot_of(std::string_view id) {
  std::string known;
  for (const auto& slot : slots_) {
    if (id.empty() || slot->card.id == id) return *slot;
    known += (known.empty() ? "" : ", ") + slot->card.id;
  }
  throw Error(ErrorCode::kNotFound, "no such model: '" + std::string(id) + "'", "model",
              known.empty() ? "no model is configured" : "there is: " + known);
}

void SlotFleet::want(Slot& slot) {
  if (slot.wanted == 0) slot.wanted = ++wishes_;
  if (slot.card.state == SlotState::kCold || slot.card.state == SlotState::kFailed) {
    slot.card.state = SlotState::kLoading;
    slot.card.failure.clear();
    slot.tried_at = 0;
    slot.give_up_at = Clock::time_point::max();
  }
  changed_.notify_all();
}

void SlotFleet::pin(Slot& slot) {
  ++slot.lent;
  slot.used = ++uses_;
}

bool SlotFleet::is_left_alone(const Slot& slot) const {
  return slot.card.state == SlotState::kFailed && Clock::now() < slot.failed_at + options_.retry_after;
}

std::vector<Waiter> SlotFleet::forget(Slot& slot) {
  slot.wanted = 0;
  slot.bidden = false;
  return std::exchange(slot.waiting, {});
}

Lease SlotFleet::lease_of(Slot& slot) {
  return {slot.model.get(), [this, &slot](LiveModel*) { give_back(slot); }};
}

void SlotFleet::give_back(Slot& slot) {
  const std::lock_guard lock(mutex_);
  slot.used = ++uses_;
  if (--slot.lent > 0) return;
  ++changes_;
  // Under the lock: the fleet may go as soon as it is released.
  const auto waits = [](const auto& other) {
    return other->card.state == SlotState::kLoading || other->card.state == SlotState::kDraining;
  };
  if (closing_ || std::any_of(slots_.begin(), slots_.end(), waits)) changed_.notify_all();
}

std::unique_ptr<Fleet> Fleet::create(std::vector<LoadSettings> slots, std::unique_ptr<Loader> loader,
                                     FleetOptions options) {
  GANTRY_CHECK(loader != nullptr);
  return std::make_unique<SlotFleet>(std::move(slots), std::move(loader), std::move(options));
}

namespace {

// Where lease_now() waits.
struct Awaited {
  std::mutex mutex;
  std::condition_variable came;
  bool done = false;
  Lease lease;
  std::optional<Error> error;
};

}  // namespace

Lease Fleet::lease_now(std::string_view id) {
  const auto awaited = std::make_shared<Awaited>();
  lease(id, [awaited](Lease model, std::optional<Error> error) {
    const std::lock_guard lock(awaited->mutex);
    awaited->lease = std::move(model);
    awaited->error = std::move(error);
    awaited->done = true;
    awaited->came.notify_all();
  });
  std::unique_lock lock(awaited->mutex);
  awaited->came.wait(lock, [&] { return awaited->done; });
  if (awaited->error) throw *awaited->error;
  return std::move(awaited->lease);
}

}  // namespace gantry::fleet
