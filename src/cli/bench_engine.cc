#include <chrono>
#include <cstdio>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "base/counted.h"
#include "base/error.h"
#include "bench/engine_figures.h"
#include "cli/commands.h"
#include "cli/interrupts.h"
#include "cli/loading.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "fleet/opened_model.h"
#include "os/file.h"

namespace gantry::cli {
namespace {

using bench::EngineReport;

fleet::OpenedModel open_for_bench(const BenchEngineCommand& command, const device::Registry& registry) {
  fleet::LoadSettings settings = command.load;
  name_model(settings, command.model_source);
  settings.context = command.wishes.context();
  settings.sequences = command.wishes.sequences();
  const fleet::DevicePool pool(registry);
  try {
    return fleet::open_model(pool, settings, false, true);
  } catch (const Error& error) {
    // Context and parallel requests are what the wishes make of them.
    if (error.where() != "context" && error.code() != ErrorCode::kMemory) throw;
    const std::string wished = fmt::format("{} of {} each: ", counted(settings.sequences, "answer"),
                                           counted(settings.context, "token"));
    throw Error(error.code(), wished + error.message(), error.where() == "context" ? "depth" : error.where(),
                "take less of `depth`, `prompt`, `tokens` or `batch`");
  }
}

}  // namespace

int bench_engine(const BenchEngineCommand& command, const device::Registry& registry) {
  const fleet::OpenedModel opened = open_for_bench(command, registry);
  const bool table = command.json_path != "-";
  Interrupts interrupts(true);
  ProgressLine line(stderr, is_terminal(STDERR_FILENO), kQuiet, "measuring");
  bench::EngineHooks hooks;
  hooks.stopped = Interrupts::came;
  hooks.progress = [&line](const std::string& what, double done) { line.update(what, done); };
  hooks.row = [&](const EngineReport& so_far) {
    line.clear();
    if (table && so_far.rows.size() == 1) say("{}", engine_head(so_far));
    if (table) say("{}", engine_row(so_far, so_far.rows.back()));
    std::fflush(stdout);
  };
  const EngineReport report = measure_engine(opened, command.wishes, hooks);
  line.clear();
  const std::string json = engine_json(report).dump(2) + "\n";
  if (!table) say("{}", json);
  if (table && !command.json_path.empty())
    os::write_file_or_device(command.json_path, [&](os::FileSink& sink) { sink.write(json); });
  const int signal = interrupts.take();
  return signal == 0 ? 0 : 128 + signal;
}

}  // namespace gantry::cli
