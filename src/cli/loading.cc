#include "cli/loading.h"

#include <cstdlib>

#include <unistd.h>

#include "cli/default_model.h"
#include "cli/output.h"
#include "cli/terminal.h"

namespace gantry::cli {
namespace {

constexpr std::chrono::milliseconds kQuiet{500};  // a model that is loaded by then needs no progress

}  // namespace

void name_model(fleet::LoadSettings& settings) {
  const std::string words = choose_model(settings, std::getenv("GANTRY_MODEL"));
  if (!words.empty()) note("{}\n", words);
}

fleet::Lease load_chosen(const device::Registry& registry, fleet::LoadSettings settings) {
  name_model(settings);
  ProgressLine line(stderr, is_terminal(STDERR_FILENO), kQuiet);
  return fleet::load_model(
      registry, settings, [&line](std::string_view stage, double fraction) { line.update(stage, fraction); });
}

}  // namespace gantry::cli
