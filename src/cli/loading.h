// Choosing and loading a model as a command does it: says which model it is, shows progress.
#pragma once

#include "device/registry.h"
#include "fleet/live_model.h"

namespace gantry::cli {

// Progress and the choice are told on standard error.
fleet::Lease load_chosen(const device::Registry& registry, fleet::LoadSettings settings);

}  // namespace gantry::cli
