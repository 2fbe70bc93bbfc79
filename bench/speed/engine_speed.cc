// `gantry_bench_engine MODEL [--threads N] [--isa ISA] [--batch N] [--prompt N] [--tokens N] [--rounds N]
// [--temperature T]`: prints one JSON line with tokens per second that `batch` answers side by side get from
// the engine, from the moment when all of them have their first token; the median of the rounds.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "backends/cpu/cpu_backend.h"
#include "base/error.h"
#include "bench/speed/options.h"
#include "engine/engine.h"
#include "fleet/opened_model.h"
#include "model/loaded_model.h"
#include "model/transformer.h"
#include "sample/params.h"

namespace gantry {
namespace {

using Clock = std::chrono::steady_clock;

struct Options : bench::SpeedOptions {
  double temperature = 0;
};

// All answers of one round; the calls come from the engine's thread.
class Listener final : public engine::TokenSink {
 public:
  explicit Listener(uint32_t answers) : answers_(answers) {}
  bool on_token(const engine::TokenEvent& event) override {
    const Clock::time_point now = Clock::now();
    if (firsts_ == answers_) ++counted_;
    if (event.token != kNoToken && heard_[event.job]++ == 0 && ++firsts_ == answers_) start_ = now;
    if (event.finish == engine::FinishReason::kNone || ++ended_ < answers_) return true;
    rate_ = counted_ / std::chrono::duration<double>(now - start_).count();
    done_.store(true);
    return true;
  }
  bool done() const { return done_.load(); }
  double rate() const { return rate_; }

 private:
  const uint32_t answers_;
  std::map<JobId, uint32_t> heard_;
  uint32_t firsts_ = 0, ended_ = 0;
  double counted_ = 0, rate_ = 0;
  Clock::time_point start_;
  std::atomic<bool> done_{false};
};

void run(const Options& options) {
  device::Registry registry;
  registry.add(cpu::make_cpu_backend());
  fleet::LoadSettings settings = options.load;
  settings.sequences = options.batch;
  settings.context = options.prompt + options.tokens;
  const fleet::OpenedModel opened = fleet::open_model(registry, settings);
  const auto loaded = model::LoadedModel::load(*opened.blueprint, *opened.file, opened.plan, *opened.device);
  const auto runner = model::make_transformer(*opened.blueprint, *loaded, *opened.device);
  const auto engine = engine::Engine::start(*runner);
  std::vector<double> rates;
  for (uint32_t round = 0; round < options.rounds; ++round) {
    const auto listener = std::make_shared<Listener>(options.batch);
    for (uint32_t i = 0; i < options.batch; ++i) {
      engine::Job job;
      for (uint32_t p = 0; p < options.prompt; ++p)
        job.prompt.push_back(
            static_cast<TokenId>((p * 7919 + i * 104729 + round * 31 + 17) % opened.blueprint->vocab));
      job.tokens_max = options.tokens;
      job.sampling.temperature = options.temperature;
      job.sampling.top_p = options.temperature > 0 ? 0.95 : 1;
      job.sampling.seed = i;
      engine->submit(std::move(job), listener);
    }
    while (!listener->done()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    rates.push_back(listener->rate());
  }
  std::sort(rates.begin(), rates.end());
  std::printf(
      "{\"device\": \"%s\", \"prompt\": %u, \"tokens\": %u, \"batch\": %u, \"temperature\": %g, "
      "\"decode\": %.2f}\n",
      opened.device->facts().name.c_str(), options.prompt, options.tokens, options.batch, options.temperature,
      rates[rates.size() / 2]);
}

}  // namespace
}  // namespace gantry

int main(int argc, char** argv) {
  using namespace gantry;
  Options options;
  options.prompt = 16;
  try {
    const auto other = [&](const std::string& name, const std::string& value) {
      if (name != "--temperature") return false;
      options.temperature = bench::parse_real(name, value, 0, sample::kTemperatureMax);
      return true;
    };
    static_cast<bench::SpeedOptions&>(options) = bench::read_speed_options(argc, argv, options, 2, other);
    run(options);
  } catch (const Error& error) {
    std::fprintf(stderr, "gantry_bench_engine: %s\n", error.what());
    return error_facts(error.code()).exit_status;
  }
}
