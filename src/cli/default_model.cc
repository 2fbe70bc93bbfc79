#include "cli/default_model.h"

#include <fmt/format.h>

#include "cli/box_model.h"

namespace gantry::cli {

std::string choose_model(fleet::LoadSettings& settings, const std::string& source) {
  if (!settings.model_path.empty())
    return source.empty() ? std::string() : fmt::format("model: {} (from {})", settings.model_path, source);
  settings.model_path = kBoxName;
  settings.model_bytes = box_model();
  return "model: the small one that comes along, a toy; for real work give a GGUF file: gantry serve "
         "path/to/model.gguf";
}

}  // namespace gantry::cli
