// What the host's memory keeps of sequence memory beside the device: pages and states for which the device
// has no room any more. The list of it, once, for the planner and the loader.
#pragma once

#include <cstdint>
#include <vector>

#include "arch/blueprint.h"
#include "base/copies.h"
#include "device/sizer.h"
#include "plan/memory_plan.h"

namespace gantry::plan {

// Of one page of the main pool, then of each window's: the parts of all its layers.
std::vector<uint64_t> page_bytes(const arch::Blueprint& blueprint, const Limits& limits,
                                 const device::Sizer& sizer);

// How much of each kind so many bytes hold. The host's tier has the device's shape, so that neither pages nor
// windows nor checkpoints run out long before the others. `limits` are those of the device.
TierSizes fit_host_cache(uint64_t bytes, const arch::Blueprint& blueprint, const Limits& limits,
                         const device::Sizer& sizer);

// What the arena holds, in the order in which it is taken: a pool of pages, those of each window, states. All
// are listed, also those that take nothing.
std::vector<Item> list_host_cache(const arch::Blueprint& blueprint, const Limits& limits,
                                  const device::Sizer& sizer);

}  // namespace gantry::plan
