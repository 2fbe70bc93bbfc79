// Which model a command takes when it was given none.
#pragma once

#include <string>

#include "fleet/live_model.h"

namespace gantry::cli {

// Leaves a settings.model_path that was given; otherwise takes `environment` ($GANTRY_MODEL; may be null or
// empty), or else the model in the box. Returns one line that says so, empty when the path was given.
std::string choose_model(fleet::LoadSettings& settings, const char* environment);

}  // namespace gantry::cli
