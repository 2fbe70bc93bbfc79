#include "cli/default_model.h"

#include <fmt/format.h>

#include "cli/box_model.h"

namespace gantry::cli {

std::string choose_model(fleet::LoadSettings& settings, const char* environment) {
  if (!settings.model_path.empty()) return {};
  if (environment != nullptr && environment[0] != '\0') {
    settings.model_path = environment;
    return fmt::format("model: {} (from $GANTRY_MODEL)", environment);
  }
  settings.model_path = kBoxName;
  settings.model_bytes = box_model();
  return "model: the small one that comes along, a toy; for real work give a GGUF file: gantry serve "
         "path/to/model.gguf";
}

}  // namespace gantry::cli
