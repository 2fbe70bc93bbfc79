// How fast the engine's steps are on this machine, beside what the machine can do at most: both measured
// here. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "fleet/opened_model.h"
#include "text/json.h"

namespace gantry::bench {

struct EngineWishes {
  std::vector<uint32_t> prompts, depths, batches;  // each with at least one
  uint32_t tokens = 64, rounds = 3;

  uint32_t sequences() const;  // side by side at most
  uint32_t context() const;    // that one of them needs; may be more than 32 bits hold: then it is that
};

// Per second; 0: not known.
struct MachineLimits {
  double bytes = 0;       // read from memory
  double operations = 0;  // multiplications and additions
  bool integer = true;    // of 8-bit integers; else of float32
  uint32_t threads = 0;
};

struct EngineRow {
  bool prefill = false;
  uint32_t depth = 0;
  uint32_t rows = 0;        // tokens of the prompt, or answers side by side
  double tokens_per_s = 0;  // the median of the rounds
  double bytes_per_s = 0, operations_per_s = 0;
};

struct EngineReport {
  std::string model, device;
  uint32_t tokens = 0, rounds = 0;
  MachineLimits limits;
  std::vector<EngineRow> rows;
  bool interrupted = false;
};

struct EngineHooks {
  std::function<bool()> stopped;
  std::function<void(const std::string& what, double fraction)> progress;
  std::function<void(const EngineReport& so_far)> row;  // the last one is new
};

// `opened` with whole windows, and a plan for the context and the sequences of the wishes.
EngineReport measure_engine(const fleet::OpenedModel& opened, const EngineWishes& wishes,
                            const EngineHooks& hooks);

std::string engine_head(const EngineReport& report);
std::string engine_row(const EngineReport& report, const EngineRow& row);
Json engine_json(const EngineReport& report);

}  // namespace gantry::bench
