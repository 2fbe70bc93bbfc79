// Choosing and loading a model as a command does it: says which model it is, shows progress.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/interrupts.h"
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

// What a server keeps in the host's memory beside its models.
std::vector<plan::Item> beside_models(uint64_t request_memory);

// A fleet whose models are cold, and come to life when somebody asks for them. The first one is brought to
// life by load(), with progress on standard error.
class ColdFleet {
 public:
  ColdFleet(const fleet::DevicePool& pool, const std::vector<ServedModel>& models);

  fleet::Fleet& fleet() { return *fleet_; }
  // Returns once it lives; false: a signal came before. `told` hears of the progress too, on another thread.
  // An Error names the place where a setting of its model was given.
  bool load(Interrupts& interrupts, const fleet::Progress& told);

 private:
  struct Shown;

  const settings::Values first_;  // that the first model was made of
  const std::shared_ptr<Shown> shown_;
  std::unique_ptr<fleet::Fleet> fleet_;
};

}  // namespace gantry::cli
