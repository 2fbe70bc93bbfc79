// Which model a command takes when it was given none.
#pragma once

#include <string>

#include "fleet/live_model.h"

namespace gantry::cli {

// Leaves a settings.model_path that was given, and takes the model in the box where there is none. Returns
// one line that says which it is, empty when the path stood on the command line: `source` is then empty,
// otherwise the place where it was read ("$GANTRY_MODEL").
std::string choose_model(fleet::LoadSettings& settings, const std::string& source);

}  // namespace gantry::cli
