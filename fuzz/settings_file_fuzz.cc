// A configuration file is read, or refused with a place, whatever is in it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/error.h"
#include "settings/file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gantry;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const settings::SettingsFile file = settings::read_settings_file(text, "f.toml");
    for (const settings::Values& model : file.models)
      for (const settings::Setting& row : settings::kTable)
        if (const settings::Held* held = model.find(row.id))
          if (!held->place.empty() && settings::to_text(row, held->value).size() > text.size() + 64)
            std::abort();
  } catch (const Error& error) {
    if (error.where().empty()) std::abort();
  }
  return 0;
}
