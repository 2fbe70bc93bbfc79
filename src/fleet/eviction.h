// Which idle models leave so that another one fits. Pure.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "fleet/budgets.h"

namespace gantry::fleet {

// `idle`: what each of them would give back, the least recently used first. Indices of those that have to go,
// empty when not even all of them are enough. The least recently used go, but none without need: of those the
// most recently used are spared first.
std::vector<size_t> choose_evictions(std::span<const Shares> idle,
                                     const std::function<bool(const Shares& given_back)>& fits);

}  // namespace gantry::fleet
