#include <chrono>
#include <csignal>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "base/bytes.h"
#include "cli/commands.h"
#include "cli/interrupts.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "gguf/gguf.h"

namespace gantry::cli {
namespace {

std::string size_text(uint64_t bytes, double bits) {
  return fmt::format("{}, {:.2f} bits per weight", human_bytes(bytes), bits);
}

double bits_before(const library::QuantizePlan& plan) {
  return plan.bytes_after == 0 ? 0
                               : plan.bits_per_weight * static_cast<double>(plan.bytes_before) /
                                     static_cast<double>(plan.bytes_after);
}

void tell_fallbacks(const library::QuantizePlan& plan) {
  if (plan.fallbacks() > 0) note("{}", harmless(plan.fallback_text()));
}

int show_plan(const QuantizeCommand& command) {
  const auto file = gguf::GgufFile::open(command.from);
  const library::QuantizePlan plan =
      gguf::read_whole(*file, [&] { return library::plan_quantize(*file, command.options); });
  for (const library::TensorChange& change : plan.tensors) {
    say("{:40} {:22} {:>7} -> {:7} {:>10}\n", harmless(change.name),
        fmt::format("[{}]", fmt::join(change.shape, ", ")), quant::facts(change.from).name,
        quant::facts(change.to).name, human_bytes(change.bytes_after));
  }
  say("{}: {}\n{}: {}\n", harmless(command.from), size_text(plan.bytes_before, bits_before(plan)),
      plan.recipe->name, size_text(plan.bytes_after, plan.bits_per_weight));
  tell_fallbacks(plan);
  return 0;
}

}  // namespace

int quantize(const QuantizeCommand& command) {
  if (command.dry_run) return show_plan(command);
  library::QuantizeOptions options = command.options;
  // What is said and not read is no reason to leave half a file, or none.
  std::signal(SIGPIPE, SIG_IGN);
  Interrupts interrupts(true, Interrupts::Hangup::kInterrupt);
  options.stopped = Interrupts::came;
  ProgressLine line(stderr, is_terminal(STDERR_FILENO), kQuiet, "quantizing");
  const bool terminal = is_terminal(STDERR_FILENO);
  options.progress = [&](const library::QuantizeProgress& progress) {
    const double all = static_cast<double>(progress.bytes);
    line.update(terminal
                    ? fmt::format("{} ({} of {})", harmless(progress.tensor), progress.done, progress.count)
                    : "tensors",
                all > 0 ? static_cast<double>(progress.bytes_done) / all : 1);
  };
  const auto start = std::chrono::steady_clock::now();
  try {
    const library::QuantizePlan plan = library::quantize(command.from, command.to, options);
    line.clear();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    tell_fallbacks(plan);
    say("{}: {}, {} (before: {}), {:.1f} s\n", harmless(command.to), plan.recipe->name,
        size_text(plan.bytes_after, plan.bits_per_weight), size_text(plan.bytes_before, bits_before(plan)),
        seconds.count());
    return 0;
  } catch (const Error& error) {
    line.clear();
    if (error.code() != ErrorCode::kCancelled) throw;
    note("interrupted; {} was not written\n", harmless(command.to));
    return 128 + interrupts.take();
  }
}

}  // namespace gantry::cli
