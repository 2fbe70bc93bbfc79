#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/random_id.h"
#include "bench/chart.h"
#include "bench/level.h"
#include "bench/mix.h"
#include "bench/probe.h"
#include "bench/report.h"
#include "bench/target.h"
#include "bench/wire.h"
#include "cli/commands.h"
#include "cli/interrupts.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "os/file.h"
#include "settings/toml.h"

namespace gantry::cli {
namespace {

using bench::LevelProgress;
using bench::Load;

constexpr std::chrono::seconds kDurationDefault{30};
constexpr uint64_t kExtraBytesMax = uint64_t{1} << 20;
constexpr uint32_t kClientsDefault = 8;

// A name of those that are built in, else a file.
bench::Mix find_mix(const std::string& name) {
  if (const bench::BuiltInMix* built_in = bench::find_built_in_mix(name))
    return bench::read_mix(built_in->text, name);
  try {
    return bench::read_mix(os::read_file(name, settings::kTomlBytesMax), name);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kNotFound) throw;
    throw Error(
        ErrorCode::kNotFound, fmt::format("'{}' is no mix, and no file", harmless(name)), "mix",
        fmt::format("there are: {}; --print-mix chat shows how one is written", bench::built_in_mix_names()));
  }
}

std::string text_of_mix(const std::string& name) {
  if (const bench::BuiltInMix* built_in = bench::find_built_in_mix(name)) return std::string(built_in->text);
  throw Error(ErrorCode::kNotFound, fmt::format("there is no mix '{}'", harmless(name)), "print_mix",
              "there are: " + bench::built_in_mix_names());
}

Json read_extra(const std::string& path) {
  if (path.empty()) return Json::object();
  std::string words = "this is no object of fields";
  try {
    Json extra = Json::parse(os::read_file(path, kExtraBytesMax));
    if (extra.is_object()) return extra;
  } catch (const JsonError& error) {
    words = error.what();
  }
  throw Error(ErrorCode::kUsage, std::move(words), path, "for example {\"top_k\": 40, \"ignore_eos\": null}");
}

std::vector<Load> loads_of(const BenchServeCommand& command) {
  std::vector<Load> out;
  for (const uint32_t clients : command.clients) out.push_back({.clients = clients});
  for (const double rate : command.rates) out.push_back({.rate = rate});
  if (out.empty()) out.push_back({.clients = kClientsDefault});
  for (Load& load : out) {
    load.requests_max = command.requests;
    load.duration = command.duration;
    if (load.requests_max == 0 && load.duration.count() == 0) load.duration = kDurationDefault;
  }
  return out;
}

// Thousands of clients want a descriptor each.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

double done_share(const Load& load, const LevelProgress& progress) {
  const double limit = std::chrono::duration<double>(load.duration).count();
  const double by_time = limit > 0 ? progress.seconds / limit : 0;
  const double by_count = load.requests_max > 0 ? static_cast<double>(progress.figures.ended()) /
                                                      static_cast<double>(load.requests_max)
                                                : 0;
  return std::max(by_time, by_count);
}

std::string progress_words(const Load& load, const LevelProgress& progress) {
  const bench::Figures& figures = progress.figures;
  return fmt::format("{}, {} done, {} failed, {} under way, {:.0f} new tokens/s", bench::load_name(load),
                     figures.done, figures.failed, progress.under_way,
                     figures.per_second(figures.new_tokens));
}

class ServerBench {
 public:
  explicit ServerBench(const BenchServeCommand& command)
      : command_(command),
        mix_(find_mix(command.mix)),
        seed_(command.seed.value_or(random_bits() & kSeedMask)),
        wire_(io_, bench::parse_target(command.url), command.patience) {
    report_.url = command.url;
    report_.api = command.api == bench::Api::kChat ? "chat" : "completions";
    report_.mix = command.mix;
    report_.seed = seed_;
  }

  // The signal that ended it; 0: none.
  int run() {
    bench::Form form;
    form.api = command_.api;
    form.model = command_.model;
    form.extra = read_extra(command_.extra_path);
    const std::string key = command_.api_keys.empty() ? "" : command_.api_keys.front();
    bench::Probed probed = bench::probe(io_, wire_, std::move(form), key, Interrupts::came);
    form_ = std::move(probed.form);
    report_.model = harmless(form_.model);
    report_.words_per_token = form_.measure.words_per_token;
    report_.notes = std::move(probed.notes);
    if (table()) say_now(head_text(report_));
    uint64_t salt = 0;
    for (const Load& load : loads_of(command_)) {
      if (Interrupts::came()) break;
      if (command_.warmup > 0) {
        Load warmup = load;
        warmup.requests_max = command_.warmup;
        warmup.duration = std::chrono::milliseconds(0);
        measure(warmup, ++salt, "warming up");
      }
      report_.levels.push_back({load, measure(load, ++salt, "measuring")});
      if (table()) say_now(level_text(report_.levels.back()));
    }
    report_.interrupted = Interrupts::came();
    return interrupts_.take();
  }

  void write() {
    if (table()) say("{}", levels_text(report_));
    const std::string json = report_json(report_).dump(2) + "\n";
    if (command_.json_path == "-") say("{}", json);
    if (!command_.json_path.empty() && command_.json_path != "-") write_text(command_.json_path, json);
    if (!command_.svg_path.empty()) write_text(command_.svg_path, draw_chart(report_));
  }

 private:
  static constexpr uint64_t kSeedMask =
      0xffffffff;  // of a seed that nobody chose: short enough to be repeated

  bool table() const { return command_.json_path != "-"; }

  // Whoever reads along sees each level when it is over.
  static void say_now(const std::string& text) {
    say("{}", text);
    std::fflush(stdout);
  }

  static void write_text(const std::string& path, const std::string& text) {
    os::write_file_or_device(path, [&](os::FileSink& sink) { sink.write(text); });
  }

  bench::Figures measure(const Load& load, uint64_t salt, const char* work) {
    const bool terminal = is_terminal(STDERR_FILENO);
    ProgressLine line(stderr, terminal, kQuiet, work);
    bench::LevelHooks hooks;
    hooks.stopped = Interrupts::came;
    hooks.progress = [&](const LevelProgress& progress) {
      line.update(terminal ? progress_words(load, progress) : bench::load_name(load),
                  done_share(load, progress));
    };
    const bench::Traffic traffic(mix_, seed_, salt);
    return run_level(io_, wire_, form_, traffic, load, seed_ + salt, command_.api_keys, hooks);
  }

  const BenchServeCommand& command_;
  const bench::Mix mix_;
  const uint64_t seed_;
  boost::asio::io_context io_;
  bench::Wire wire_;
  Interrupts interrupts_{true};
  bench::Form form_;
  bench::ServeReport report_;
};

}  // namespace

int bench_serve(const BenchServeCommand& command) {
  if (!command.print_mix.empty()) {
    say("{}", text_of_mix(command.print_mix));
    return 0;
  }
  raise_descriptor_limit();
  ServerBench bench(command);
  int signal = 0;
  try {
    signal = bench.run();
  } catch (const Error& error) {  // before anything was measured
    if (error.code() != ErrorCode::kCancelled) throw;
    return 130;
  }
  bench.write();
  return signal == 0 ? 0 : 128 + signal;
}

}  // namespace gantry::cli
