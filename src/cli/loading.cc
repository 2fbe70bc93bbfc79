#include "cli/loading.h"

#include <mutex>
#include <optional>
#include <utility>

#include <unistd.h>

#include "cli/default_model.h"
#include "cli/output.h"
#include "cli/terminal.h"

namespace gantry::cli {
namespace {

constexpr std::chrono::milliseconds kQuiet{500};  // a model that is loaded by then needs no progress

}  // namespace

void name_model(fleet::LoadSettings& settings, const std::string& source) {
  const std::string words = choose_model(settings, source);
  if (!words.empty()) note("{}\n", words);
}

std::unique_ptr<fleet::LiveModel> load_chosen(const device::Registry& registry, fleet::LoadSettings settings,
                                              const std::string& source) {
  name_model(settings, source);
  ProgressLine line(stderr, is_terminal(STDERR_FILENO), kQuiet);
  return fleet::load_model(
      registry, settings, [&line](std::string_view stage, double fraction) { line.update(stage, fraction); });
}

std::unique_ptr<fleet::Fleet> start_fleet(const device::Registry& registry,
                                          const std::vector<ServedModel>& models) {
  std::vector<fleet::LoadSettings> slots;
  for (const ServedModel& model : models) {
    slots.push_back(model.load);
    name_model(slots.back(), model.source);
  }
  // The fleet's thread draws the line; it is taken away when the door opens, later loads show none.
  struct Shown {
    std::mutex mutex;
    std::optional<ProgressLine> line;
  };
  const auto shown = std::make_shared<Shown>();
  shown->line.emplace(stderr, is_terminal(STDERR_FILENO), kQuiet);
  fleet::FleetOptions options;
  options.progress = [shown](const std::string&, std::string_view stage, double fraction) {
    const std::lock_guard lock(shown->mutex);
    if (shown->line) shown->line->update(stage, fraction);
  };
  auto fleet = fleet::Fleet::create(std::move(slots), fleet::make_loader(registry), std::move(options));
  try {
    fleet->lease_now("");
  } catch (const Error& error) {
    throw settings::at_its_place(error, settings::Command::kServe, models.front().values);
  }
  const std::lock_guard lock(shown->mutex);
  shown->line.reset();
  return fleet;
}

}  // namespace gantry::cli
