// Steps that a device has recorded and the runner keeps to have them done again: how many, and what they
// take. Pure.
#pragma once

#include <cstdint>

#include "arch/blueprint.h"
#include "device/sizer.h"

namespace gantry::plan {

// Decode steps come in few sizes (powers of two of sequences and of pages): these are more than are in use at
// a time.
inline constexpr uint32_t kRecordedStepsMax = 64;

// No step calls the device more often.
uint32_t step_calls_max(const arch::Blueprint& blueprint);

uint64_t recordings_bytes(const arch::Blueprint& blueprint, const device::Sizer& sizer);

}  // namespace gantry::plan
