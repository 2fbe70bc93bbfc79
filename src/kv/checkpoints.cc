#include "kv/checkpoints.h"

#include "base/check.h"

namespace gantry::kv {

Checkpoints::Checkpoints(uint32_t pages, uint32_t count, StateId first)
    : first_(first), entries_(count), of_page_(count == 0 ? 0 : pages, kNone) {
  free_.reserve(count);
  for (uint32_t i = count; i-- > 0;) free_.push_back(i);
}

StateId Checkpoints::at(PageId page) const {
  if (entries_.empty() || of_page_[page] == kNone) return kNoState;
  return first_ + of_page_[page];
}

StateId Checkpoints::reserve() {
  if (free_.empty()) {
    if (oldest_ == kNone) return kNoState;
    const uint32_t i = oldest_;
    detach(i);
    entries_[i].use = Use::kReserved;
    return first_ + i;
  }
  const uint32_t i = free_.back();
  free_.pop_back();
  entries_[i].use = Use::kReserved;
  return first_ + i;
}

StateId Checkpoints::reserve_from(PageId page) {
  const StateId state = at(page);
  const uint32_t i = index(state);
  detach(i);
  entries_[i].use = Use::kReserved;
  return state;
}

void Checkpoints::attach(StateId reserved, PageId page) {
  const uint32_t i = index(reserved);
  GANTRY_CHECK(entries_[i].use == Use::kReserved);
  GANTRY_CHECK_EQ(of_page_[page], kNone);
  entries_[i] = {Use::kAttached, false, page, kNone, kNone};
  of_page_[page] = i;
  ++attached_;
  push_newest(i);
}

void Checkpoints::give(StateId reserved) {
  const uint32_t i = index(reserved);
  GANTRY_CHECK(entries_[i].use == Use::kReserved);
  entries_[i].use = Use::kFree;
  free_.push_back(i);
}

void Checkpoints::drop(PageId page) {
  const StateId state = at(page);
  if (state == kNoState) return;
  const uint32_t i = index(state);
  detach(i);
  free_.push_back(i);
}

void Checkpoints::touch(PageId page) {
  const uint32_t i = index(at(page));
  entries_[i].taken_over = true;
  unlink(i);
  push_newest(i);
}

bool Checkpoints::was_taken_over(PageId page) const { return entries_[index(at(page))].taken_over; }

uint32_t Checkpoints::index(StateId state) const {
  GANTRY_CHECK_LE(first_, state);
  GANTRY_CHECK_LT(state - first_, count());
  return state - first_;
}

void Checkpoints::push_newest(uint32_t i) {
  entries_[i].older = newest_;
  entries_[i].newer = kNone;
  (newest_ == kNone ? oldest_ : entries_[newest_].newer) = i;
  newest_ = i;
}

void Checkpoints::unlink(uint32_t i) {
  const Entry& entry = entries_[i];
  (entry.older == kNone ? oldest_ : entries_[entry.older].newer) = entry.newer;
  (entry.newer == kNone ? newest_ : entries_[entry.newer].older) = entry.older;
}

void Checkpoints::detach(uint32_t i) {
  unlink(i);
  of_page_[entries_[i].page] = kNone;
  entries_[i] = {};
  --attached_;
}

void Checkpoints::list_unused(std::vector<StateId>& out) const {
  for (const uint32_t i : free_) out.push_back(first_ + i);
}

void Checkpoints::check() const {
  uint32_t queued = 0;
  for (uint32_t i = oldest_; i != kNone; i = entries_[i].newer) {
    GANTRY_CHECK(entries_[i].use == Use::kAttached);
    GANTRY_CHECK_EQ(of_page_[entries_[i].page], i);
    GANTRY_CHECK_LE(++queued, attached_);
  }
  GANTRY_CHECK_EQ(queued, attached_);
  uint32_t pages = 0, reserved = 0;
  for (const uint32_t i : of_page_) pages += i != kNone ? 1u : 0u;
  GANTRY_CHECK_EQ(pages, attached_);
  for (const Entry& entry : entries_) reserved += entry.use == Use::kReserved ? 1u : 0u;
  GANTRY_CHECK_EQ(reserved + attached_ + free_.size(), entries_.size());
}

}  // namespace gantry::kv
