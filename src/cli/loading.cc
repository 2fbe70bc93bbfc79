#include "cli/loading.h"

#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "cli/default_model.h"
#include "cli/output.h"
#include "cli/terminal.h"

namespace gantry::cli {
namespace {

constexpr std::chrono::milliseconds kQuiet{500};  // a model that is loaded by then needs no progress

// Names that were given, and those that were taken from the files' names. The fleet would refuse them too,
// but does not know where they stand.
void refuse_equal_names(const std::vector<fleet::LoadSettings>& slots,
                        const std::vector<ServedModel>& models) {
  std::set<std::string> names;
  for (size_t i = 0; i < slots.size(); ++i) {
    const std::string name = fleet::id_of(slots[i]);
    if (names.insert(name).second) continue;
    const settings::Values& values = models[i].values;
    const settings::Held* held = values.find(settings::Id::kAlias);
    if (held == nullptr) held = values.find(settings::Id::kModel);
    throw Error(ErrorCode::kUsage, fmt::format("there is a second model by the name '{}'", name),
                held != nullptr ? held->place : "",
                "clients tell models apart by name: give one of them another name");
  }
}

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

std::vector<plan::Item> beside_models(uint64_t request_memory) {
  return {{"requests and their answers", request_memory}};
}

std::unique_ptr<fleet::Fleet> start_fleet(const fleet::DevicePool& pool,
                                          const std::vector<ServedModel>& models) {
  std::vector<fleet::LoadSettings> slots;
  for (const ServedModel& model : models) {
    slots.push_back(model.load);
    name_model(slots.back(), model.source);
  }
  refuse_equal_names(slots, models);
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
  auto fleet = fleet::Fleet::create(std::move(slots), fleet::make_loader(pool), std::move(options));
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
