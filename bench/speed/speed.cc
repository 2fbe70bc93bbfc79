// `gantry_bench_speed MODEL [--threads N] [--isa ISA] [--prompt N] [--tokens N] [--batch N] [--rounds N]`:
// prints one JSON line with tokens per second of prefill (one prompt) and of decode (`batch` sequences side
// by side), the medians of the rounds.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "backends/cpu/cpu_backend.h"
#include "base/error.h"
#include "bench/speed/options.h"
#include "bench/steps.h"
#include "fleet/opened_model.h"
#include "model/loaded_model.h"
#include "model/transformer.h"

namespace gantry {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void run(const bench::SpeedOptions& options) {
  device::Registry registry;
  registry.add(cpu::make_cpu_backend());
  fleet::LoadSettings settings = options.load;
  settings.sequences = options.batch;
  settings.context = options.prompt + options.tokens;
  const auto load_start = std::chrono::steady_clock::now();
  const fleet::OpenedModel opened = fleet::open_model(registry, settings, false, true);
  const auto loaded = model::LoadedModel::load(*opened.blueprint, *opened.file, opened.plan, *opened.device);
  const double load_s = seconds_since(load_start);
  const auto runner = model::make_transformer(*opened.blueprint, *loaded, *opened.device);
  bench::Steps steps(*runner, options.batch);
  std::vector<double> prefill, decode;
  for (uint32_t round = 0; round < options.rounds; ++round) {
    auto start = std::chrono::steady_clock::now();
    steps.prefill(0, options.prompt);
    prefill.push_back(options.prompt / seconds_since(start));
    start = std::chrono::steady_clock::now();
    for (uint32_t i = 0; i < options.tokens; ++i) steps.decode(options.prompt + i, options.batch);
    decode.push_back(double{1} * options.tokens * options.batch / seconds_since(start));
  }
  std::printf(
      "{\"device\": \"%s\", \"prompt\": %u, \"tokens\": %u, \"batch\": %u, \"load_s\": %.2f, \"prefill\": "
      "%.1f, \"decode\": %.2f}\n",
      opened.device->facts().name.c_str(), options.prompt, options.tokens, options.batch, load_s,
      median(prefill), median(decode));
}

}  // namespace
}  // namespace gantry

int main(int argc, char** argv) {
  try {
    gantry::run(gantry::bench::read_speed_options(argc, argv, {}, 1));
  } catch (const gantry::Error& error) {
    std::fprintf(stderr, "gantry_bench_speed: %s\n", error.what());
    return gantry::error_facts(error.code()).exit_status;
  }
}
