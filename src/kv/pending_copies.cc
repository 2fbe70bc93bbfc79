#include "kv/pending_copies.h"

#include <algorithm>

#include "base/check.h"

namespace gantry::kv {

PendingCopies::PendingCopies(size_t capacity) : capacity_(capacity) {
  pending_.reserve(capacity);
  of_step_.reserve(capacity);
}

void PendingCopies::add(Kept what, uint32_t pool, uint32_t from, uint32_t to) {
  GANTRY_CHECK(has_room(1));
  GANTRY_CHECK_NE(from, to);
  pending_.push_back({what, pool, {Tier::kDevice, from}, {Tier::kDevice, to}});
}

void PendingCopies::cancel(Kept what, uint32_t pool, uint32_t to) {
  for (size_t i = pending_.size(); i-- > 0;) {
    const Copy& copy = pending_[i];
    if (copy.what != what || copy.pool != pool) continue;
    if (copy.from.index == to) return;  // a later copy passes it on
    if (copy.to.index != to) continue;
    pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(i));
    return;
  }
}

bool PendingCopies::reads(Kept what, uint32_t pool, uint32_t from) const {
  return std::any_of(pending_.begin(), pending_.end(), [&](const Copy& copy) {
    return copy.what == what && copy.pool == pool && copy.from.index == from;
  });
}

void PendingCopies::begin_step() {
  of_step_.clear();
  std::swap(pending_, of_step_);
}

}  // namespace gantry::kv
