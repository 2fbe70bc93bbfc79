// Choosing and loading a model as a command does it: says which model it is, shows progress.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/options.h"
#include "device/registry.h"
#include "fleet/fleet.h"
#include "fleet/live_model.h"

namespace gantry::cli {

// Where no model was given, takes the one in the box; says on standard error which model it is and why
// (default_model.h). `source`: where its path was read, if not on the command line.
void name_model(fleet::LoadSettings& settings, const std::string& source);

// The same, then loads it; progress is told on standard error.
std::unique_ptr<fleet::LiveModel> load_chosen(const device::Registry& registry, fleet::LoadSettings settings,
                                              const std::string& source);

// The same for a fleet: the first model is live, the others come to life when a request names them. An Error
// names the place where a setting of its model was given.
// What a server keeps in the host's memory beside its models.
std::vector<plan::Item> beside_models(uint64_t request_memory);

std::unique_ptr<fleet::Fleet> start_fleet(const fleet::DevicePool& pool,
                                          const std::vector<ServedModel>& models);

}  // namespace gantry::cli
