#include "kv/pending_copies.h"

#include <algorithm>

#include "base/check.h"

namespace gantry::kv {

PendingCopies::PendingCopies(size_t copies, size_t moves) : copies_(copies), moves_(moves) {
  pending_.reserve(copies + moves);
  of_step_.reserve(copies + moves);
}

void PendingCopies::add(Kept what, uint32_t pool, uint32_t from, uint32_t to) {
  GANTRY_CHECK(has_room(1));
  GANTRY_CHECK_NE(from, to);
  pending_.push_back({what, pool, on_device(from), on_device(to)});
}

void PendingCopies::move(Kept what, uint32_t pool, Place from, Place to) {
  GANTRY_CHECK_LT(moving_, moves_);
  pending_.push_back({what, pool, from, to});
  GANTRY_CHECK(is_move(pending_.back()));
  ++moving_;
}

void PendingCopies::cancel(Kept what, uint32_t pool, uint32_t to) {
  const Place unwanted = on_device(to);
  for (size_t i = pending_.size(); i-- > 0;) {
    const Copy& copy = pending_[i];
    if (copy.what != what || copy.pool != pool) continue;
    if (copy.from == unwanted) return;  // a later one passes it on
    if (copy.to != unwanted) continue;
    moving_ -= is_move(copy) ? 1u : 0u;
    pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(i));
    return;
  }
}

bool PendingCopies::reads(Kept what, uint32_t pool, Place from) const {
  return std::any_of(pending_.begin(), pending_.end(), [&](const Copy& copy) {
    return copy.what == what && copy.pool == pool && copy.from == from;
  });
}

void PendingCopies::begin_step() {
  of_step_.clear();
  std::swap(pending_, of_step_);
  moving_ = 0;
}

}  // namespace gantry::kv
