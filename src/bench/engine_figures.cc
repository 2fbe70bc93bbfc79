#include "bench/engine_figures.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "base/counted.h"
#include "bench/limits.h"
#include "bench/steps.h"
#include "bench/work.h"
#include "model/loaded_model.h"
#include "model/transformer.h"

namespace gantry::bench {
namespace {

using EngineClock = std::chrono::steady_clock;

constexpr double kMemorySeconds = 1, kComputeSeconds = 0.3;  // that each limit is measured for

double seconds_since(EngineClock::time_point start) {
  return std::chrono::duration<double>(EngineClock::now() - start).count();
}

double median_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

MachineLimits measure_limits(const device::DeviceFacts& facts, bool integer) {
  MachineLimits out;
  out.integer = integer;
  if (facts.kind != device::DeviceKind::kCpu) return out;
  os::ThreadPool pool(facts.compute_units);
  out.threads = pool.threads();
  out.bytes = memory_read_bytes_per_s(pool, kMemorySeconds);
  out.operations =
      integer ? int8_operations_per_s(pool, kComputeSeconds) : f32_operations_per_s(pool, kComputeSeconds);
  return out;
}

class EngineBench {
 public:
  EngineBench(const fleet::OpenedModel& opened, const EngineWishes& wishes, const EngineHooks& hooks)
      : wishes_(wishes),
        hooks_(hooks),
        work_(*opened.blueprint, opened.device->sizer(), opened.plan.limits.kv_dtype) {
    report_.model = opened.blueprint->name;
    report_.device = opened.device->facts().name;
    report_.tokens = wishes.tokens;
    report_.rounds = wishes.rounds;
    tell("the machine's limits");
    report_.limits = measure_limits(opened.device->facts(), work_.integer_weights());
    tell("loading");
    loaded_ = model::LoadedModel::load(*opened.blueprint, *opened.file, opened.plan, *opened.device);
    runner_ = model::make_transformer(*opened.blueprint, *loaded_, *opened.device);
    steps_ = std::make_unique<Steps>(*runner_, wishes.sequences());
  }

  EngineReport run() {
    for (const uint32_t depth : wishes_.depths) {
      for (const uint32_t prompt : wishes_.prompts) {
        if (!prefill(depth, prompt)) return take(true);
      }
      for (const uint32_t batch : wishes_.batches) {
        if (!decode(depth, batch)) return take(true);
      }
    }
    return take(false);
  }

 private:
  bool stopped() const { return hooks_.stopped && hooks_.stopped(); }

  EngineReport take(bool interrupted) {
    report_.interrupted = interrupted;
    return std::move(report_);
  }

  void tell(const std::string& what) const {
    const auto rows =
        static_cast<double>(wishes_.depths.size() * (wishes_.prompts.size() + wishes_.batches.size()));
    if (hooks_.progress) hooks_.progress(what, static_cast<double>(report_.rows.size()) / rows);
  }

  // In steps, between which it may be stopped; false: it was.
  bool read(uint32_t from, uint32_t count) {
    for (uint32_t done = 0; done < count; done += steps_->rows_max()) {
      if (stopped()) return false;
      steps_->prefill(from + done, std::min(steps_->rows_max(), count - done));
    }
    return true;
  }

  // What stands before the depth stays there: positions beyond are written anew, those before are not. Only a
  // recurrent state has moved on.
  bool fill(uint32_t depth) {
    if (filled_ == depth && !runner_->limits().recurrent) return true;
    filled_.reset();
    if (!read(0, depth)) return false;
    filled_ = depth;
    return true;
  }

  bool prefill(uint32_t depth, uint32_t prompt) {
    tell(fmt::format("prompt of {} behind {}", prompt, depth));
    std::vector<double> seconds;
    StepWork work;
    for (uint32_t done = 0; done < prompt; done += steps_->rows_max()) {
      const StepWork one =
          work_.of({.rows = std::min(steps_->rows_max(), prompt - done), .depth = depth + done});
      work.bytes += one.bytes;
      work.operations += one.operations;
    }
    for (uint32_t round = 0; round < wishes_.rounds; ++round) {
      if (!fill(depth)) return false;
      const auto start = EngineClock::now();
      if (!read(depth, prompt)) return false;
      seconds.push_back(seconds_since(start));
    }
    add({.prefill = true, .depth = depth, .rows = prompt}, prompt, work, median_of(seconds));
    return true;
  }

  bool decode(uint32_t depth, uint32_t batch) {
    tell(fmt::format("{} behind {}", counted(batch, "answer"), depth));
    std::vector<double> seconds;
    StepWork work;
    for (uint32_t i = 0; i < wishes_.tokens; ++i) {
      const StepWork one = work_.of({.sequences = batch, .depth = depth + i, .logit_rows = batch});
      work.bytes += one.bytes;
      work.operations += one.operations;
    }
    if (!fill(depth)) return false;
    steps_->spread(depth);
    for (uint32_t round = 0; round < wishes_.rounds; ++round) {
      // A first token that does not count, with the copies of spread() before it.
      steps_->decode(depth, batch);
      const auto start = EngineClock::now();
      for (uint32_t i = 0; i < wishes_.tokens; ++i) {
        if (stopped()) return false;
        steps_->decode(depth + 1 + i, batch);
      }
      seconds.push_back(seconds_since(start));
    }
    add({.depth = depth, .rows = batch}, double{1} * batch * wishes_.tokens, work, median_of(seconds));
    return true;
  }

  void add(EngineRow row, double tokens, const StepWork& work, double seconds) {
    row.tokens_per_s = tokens / seconds;
    row.bytes_per_s = work.bytes / seconds;
    row.operations_per_s = work.operations / seconds;
    report_.rows.push_back(row);
    if (hooks_.row) hooks_.row(report_);
  }

  const EngineWishes& wishes_;
  const EngineHooks& hooks_;
  const Workload work_;
  std::unique_ptr<model::LoadedModel> loaded_;
  std::unique_ptr<model::Runner> runner_;
  std::unique_ptr<Steps> steps_;
  std::optional<uint32_t> filled_;  // tokens that sequence 0 has read
  EngineReport report_;
};

double share(double value, double limit) { return limit > 0 ? value / limit : 0; }

std::string percent(double value, double limit) {
  return limit > 0 ? fmt::format("{:.0f} %", 100 * share(value, limit)) : "-";
}

}  // namespace

uint32_t EngineWishes::sequences() const { return *std::ranges::max_element(batches); }

uint32_t EngineWishes::context() const {
  const uint64_t behind = std::max<uint64_t>(*std::ranges::max_element(prompts), uint64_t{tokens} + 1);
  return static_cast<uint32_t>(std::min<uint64_t>(*std::ranges::max_element(depths) + behind, UINT32_MAX));
}

EngineReport measure_engine(const fleet::OpenedModel& opened, const EngineWishes& wishes,
                            const EngineHooks& hooks) {
  GANTRY_CHECK(!wishes.prompts.empty() && !wishes.depths.empty() && !wishes.batches.empty());
  return EngineBench(opened, wishes, hooks).run();
}

std::string engine_head(const EngineReport& report) {
  const MachineLimits& limits = report.limits;
  std::string text = fmt::format("{} on {}\n", report.model, report.device);
  if (limits.bytes > 0)
    text += fmt::format("this machine at most, {}: {:.1f} GB/s read from memory, {}\n",
                        counted(limits.threads, "thread"), limits.bytes / 1e9,
                        limits.operations > 0 ? fmt::format("{:.0f} GOP/s of {}", limits.operations / 1e9,
                                                            limits.integer ? "8-bit integers" : "float32")
                                              : "operations not known");
  return text + fmt::format("\n{:<22}{:>8}{:>12}{:>9}{:>10}{:>9}{:>11}\n", "", "depth", "tokens/s", "GB/s",
                            "of memory", "GOP/s", "of compute");
}

std::string engine_row(const EngineReport& report, const EngineRow& row) {
  const std::string what = row.prefill ? fmt::format("prompt of {}", row.rows)
                                       : fmt::format("{} x {}", counted(row.rows, "answer"), report.tokens);
  return fmt::format("{:<22}{:>8}{:>12.1f}{:>9.2f}{:>10}{:>9.1f}{:>11}\n", what, row.depth, row.tokens_per_s,
                     row.bytes_per_s / 1e9, percent(row.bytes_per_s, report.limits.bytes),
                     row.operations_per_s / 1e9, percent(row.operations_per_s, report.limits.operations));
}

Json engine_json(const EngineReport& report) {
  Json rows = Json::array();
  for (const EngineRow& row : report.rows) {
    Json one = Json::object();
    one["what"] = row.prefill ? "prefill" : "decode";
    one["depth"] = row.depth;
    one[row.prefill ? "prompt" : "batch"] = row.rows;
    one["tokens_per_s"] = row.tokens_per_s;
    one["bytes_per_s"] = row.bytes_per_s;
    one["operations_per_s"] = row.operations_per_s;
    one["of_memory"] = share(row.bytes_per_s, report.limits.bytes);
    one["of_compute"] = share(row.operations_per_s, report.limits.operations);
    rows.push_back(std::move(one));
  }
  Json out = Json::object();
  out["model"] = report.model;
  out["device"] = report.device;
  out["tokens"] = report.tokens;
  out["rounds"] = report.rounds;
  out["interrupted"] = report.interrupted;
  out["limits"] = Json::object({{"threads", report.limits.threads},
                                {"bytes_per_s", report.limits.bytes},
                                {"operations_per_s", report.limits.operations},
                                {"integer", report.limits.integer}});
  out["rows"] = std::move(rows);
  return out;
}

}  // namespace gantry::bench
