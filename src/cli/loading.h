// Choosing and loading a model as a command does it: says which model it is, shows progress.
#pragma once

#include "device/registry.h"
#include "fleet/live_model.h"

namespace gantry::cli {

// Where no model was given, takes the default one and says so on standard error (default_model.h).
void name_model(fleet::LoadSettings& settings);

// The same, then loads it; progress is told on standard error.
fleet::Lease load_chosen(const device::Registry& registry, fleet::LoadSettings settings);

}  // namespace gantry::cli
