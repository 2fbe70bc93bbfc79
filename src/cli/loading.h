// Choosing and loading a model as a command does it: says which model it is, shows progress.
#pragma once

#include <memory>

#include "device/registry.h"
#include "fleet/fleet.h"
#include "fleet/live_model.h"

namespace gantry::cli {

// Where no model was given, takes the default one and says so on standard error (default_model.h).
void name_model(fleet::LoadSettings& settings);

// The same, then loads it; progress is told on standard error.
std::unique_ptr<fleet::LiveModel> load_chosen(const device::Registry& registry, fleet::LoadSettings settings);

// The same as a fleet whose one model is live.
std::unique_ptr<fleet::Fleet> start_fleet(const device::Registry& registry, fleet::LoadSettings settings);

}  // namespace gantry::cli
