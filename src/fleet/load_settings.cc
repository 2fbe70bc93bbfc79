#include "fleet/load_settings.h"

#include <filesystem>

namespace gantry::fleet {

std::string id_of(const LoadSettings& settings) {
  return settings.alias.empty() ? std::filesystem::path(settings.model_path).stem().string() : settings.alias;
}

}  // namespace gantry::fleet
