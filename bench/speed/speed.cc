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

// Sequences side by side: sequence s owns pages [s * pages_max, (s + 1) * pages_max).
class Bench {
 public:
  Bench(model::Runner& runner, uint32_t batch) : runner_(runner), batch_(batch) {
    const model::RunnerLimits& limits = runner.limits();
    for (PageId page = 0; page < batch * limits.pages_max; ++page) pages_.push_back(page);
  }

  // One prompt into sequence 0, in the largest steps the runner takes.
  void prefill(uint32_t count) {
    const uint32_t rows_max = runner_.limits().rows_max;
    for (uint32_t from = 0; from < count; from += rows_max) {
      const uint32_t rows = std::min(rows_max, count - from);
      begin();
      for (uint32_t i = 0; i < rows; ++i) add(0, from + i);
      wanted_.push_back(static_cast<int32_t>(rows - 1));
      step();
    }
  }
  void decode(uint32_t position) {
    begin();
    for (uint32_t s = 0; s < batch_; ++s) {
      add(s, position);
      wanted_.push_back(static_cast<int32_t>(s));
    }
    step();
  }

 private:
  void begin() {
    tokens_.clear();
    positions_.clear();
    sequences_.clear();
    wanted_.clear();
  }
  void add(uint32_t sequence, uint32_t position) {
    tokens_.push_back(
        static_cast<TokenId>((position * 7919 + sequence * 104729 + 17) % runner_.limits().vocab));
    positions_.push_back(static_cast<int32_t>(position));
    sequences_.push_back(static_cast<int32_t>(sequence));
  }
  void step() {
    runner_.step({.tokens = tokens_,
                  .positions = positions_,
                  .sequences = sequences_,
                  .page_tables = pages_,
                  .logit_rows = wanted_});
  }

  model::Runner& runner_;
  uint32_t batch_;
  std::vector<PageId> pages_;
  std::vector<TokenId> tokens_;
  std::vector<int32_t> positions_, sequences_, wanted_;
};

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
  Bench bench(*runner, options.batch);
  std::vector<double> prefill, decode;
  for (uint32_t round = 0; round < options.rounds; ++round) {
    auto start = std::chrono::steady_clock::now();
    bench.prefill(options.prompt);
    prefill.push_back(options.prompt / seconds_since(start));
    start = std::chrono::steady_clock::now();
    for (uint32_t i = 0; i < options.tokens; ++i) bench.decode(options.prompt + i);
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
