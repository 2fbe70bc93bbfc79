// A configuration file is read, or refused with a place, whatever is in it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/error.h"
#include "settings/file.h"

namespace {

using namespace gantry;

// Of what a file of `bytes` has set: each value has its place, and is written in not much more.
void check(const settings::Values& values, size_t bytes) {
  for (const settings::Setting& row : settings::kTable) {
    const settings::Held* held = values.find(row.id);
    if (held == nullptr) continue;
    if (held->source != settings::Source::kFile || !held->place.starts_with("f.toml:")) std::abort();
    if (settings::to_text(row, held->value).size() > bytes + 64) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const settings::SettingsFile file = settings::read_settings_file(text, "f.toml");
    check(file.server, text.size());
    check(file.model_defaults, text.size());
    for (const settings::Values& model : file.models) check(model, text.size());
  } catch (const Error& error) {
    if (error.where().empty()) std::abort();
  }
  return 0;
}
