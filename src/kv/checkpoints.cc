#include "kv/checkpoints.h"

#include "base/check.h"

namespace gantry::kv {

Checkpoints::Checkpoints(uint32_t names, uint32_t count, StateId first)
    : first_(first), entries_(count), of_name_(count == 0 ? 0 : names, kNone), queue_(count) {
  free_.reserve(count);
  for (uint32_t i = count; i-- > 0;) free_.push_back(i);
}

StateId Checkpoints::at(NameId name) const {
  if (entries_.empty() || of_name_[name] == kNone) return kNoState;
  return first_ + of_name_[name];
}

NameId Checkpoints::next_to_go() const {
  return free_.empty() && queue_.oldest() != kNone ? entries_[queue_.oldest()].name : kNoName;
}

StateId Checkpoints::reserve() {
  if (free_.empty()) {
    const uint32_t i = queue_.oldest();
    if (i == kNone) return kNoState;
    detach(i);
    entries_[i].use = Use::kReserved;
    return first_ + i;
  }
  const uint32_t i = free_.back();
  free_.pop_back();
  entries_[i].use = Use::kReserved;
  return first_ + i;
}

StateId Checkpoints::reserve_from(NameId name) {
  const StateId state = at(name);
  const uint32_t i = index(state);
  detach(i);
  entries_[i].use = Use::kReserved;
  return state;
}

void Checkpoints::attach(StateId reserved, NameId name) {
  const uint32_t i = index(reserved);
  GANTRY_CHECK(entries_[i].use == Use::kReserved);
  GANTRY_CHECK_EQ(of_name_[name], kNone);
  entries_[i] = {Use::kAttached, false, name};
  of_name_[name] = i;
  queue_.push(i);
}

void Checkpoints::give(StateId reserved) {
  const uint32_t i = index(reserved);
  GANTRY_CHECK(entries_[i].use == Use::kReserved);
  entries_[i].use = Use::kFree;
  free_.push_back(i);
}

void Checkpoints::drop(NameId name) {
  const StateId state = at(name);
  if (state == kNoState) return;
  const uint32_t i = index(state);
  detach(i);
  free_.push_back(i);
}

void Checkpoints::touch(NameId name) {
  const uint32_t i = index(at(name));
  entries_[i].taken_over = true;
  queue_.remove(i);
  queue_.push(i);
}

bool Checkpoints::was_taken_over(NameId name) const { return entries_[index(at(name))].taken_over; }

uint32_t Checkpoints::index(StateId state) const {
  GANTRY_CHECK_LE(first_, state);
  GANTRY_CHECK_LT(state - first_, count());
  return state - first_;
}

void Checkpoints::detach(uint32_t i) {
  queue_.remove(i);
  of_name_[entries_[i].name] = kNone;
  entries_[i] = {};
}

void Checkpoints::list_unused(std::vector<StateId>& out) const {
  for (const uint32_t i : free_) out.push_back(first_ + i);
}

void Checkpoints::check() const {
  queue_.check();
  for (uint32_t i = queue_.oldest(); i != kNone; i = queue_.next(i)) {
    GANTRY_CHECK(entries_[i].use == Use::kAttached);
    GANTRY_CHECK_EQ(of_name_[entries_[i].name], i);
  }
  uint32_t names = 0, reserved = 0;
  for (const uint32_t i : of_name_) names += i != kNone ? 1u : 0u;
  GANTRY_CHECK_EQ(names, attached());
  for (const Entry& entry : entries_) reserved += entry.use == Use::kReserved ? 1u : 0u;
  GANTRY_CHECK_EQ(reserved + attached() + free_.size(), entries_.size());
}

}  // namespace gantry::kv
