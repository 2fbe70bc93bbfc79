#include "cli/loading.h"

#include <cstdlib>

#include <fmt/format.h>
#include <unistd.h>

#include "cli/default_model.h"
#include "cli/terminal.h"

namespace gantry::cli {
namespace {

constexpr std::chrono::milliseconds kQuiet{500};  // a model that is loaded by then needs no progress

}  // namespace

fleet::Lease load_chosen(const device::Registry& registry, fleet::LoadSettings settings) {
  const ChosenModel chosen = choose_model(settings.model_path, std::getenv("GANTRY_MODEL"), program_folder());
  settings.model_path = chosen.path;
  if (!chosen.note.empty()) fmt::print(stderr, "{}\n", chosen.note);
  ProgressLine line(stderr, is_terminal(STDERR_FILENO), kQuiet);
  return fleet::load_model(
      registry, settings, [&line](std::string_view stage, double fraction) { line.update(stage, fraction); });
}

}  // namespace gantry::cli
