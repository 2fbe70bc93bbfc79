#include "cli/default_model.h"

#include <fmt/format.h>

#include "cli/box_model.h"

namespace gantry::cli {

std::string choose_model(fleet::LoadSettings& settings, const std::string& source) {
  if (!settings.model_path.empty())
    return source.empty() ? std::string() : fmt::format("model: {} (from {})", settings.model_path, source);
  settings.model_path = kBoxName;
  settings.model_bytes = box_model();
  return fmt::format(
      "model: {}, the small model in this program, a toy; for real work name a GGUF file: gantry serve "
      "path/to/model.gguf",
      kBoxName);
}

}  // namespace gantry::cli
