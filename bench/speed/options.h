// The words of the programs that measure tokens per second of a model: a path, and options with a value each.
#pragma once

#include <functional>
#include <string>

#include "base/error.h"
#include "bench/arguments.h"
#include "fleet/live_model.h"
#include "os/thread_pool.h"
#include "plan/memory_plan.h"

namespace gantry::bench {

struct SpeedOptions {
  fleet::LoadSettings load;
  uint32_t prompt = 512, tokens = 64, batch = 1, rounds = 3;
};

// Reads an option that only one program has; false: it does not know it.
using OtherOption = std::function<bool(const std::string& name, const std::string& value)>;

// Error kUsage with the word at fault. `tokens_min`: what a rate can be made of.
inline SpeedOptions read_speed_options(int argc, char** argv, SpeedOptions options, uint32_t tokens_min,
                                       const OtherOption& other = {}) {
  constexpr uint32_t kPositionsMax = 1u << 20, kRoundsMax = 1000;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (!name.starts_with("--")) {
      options.load.model_path = name;
      continue;
    }
    if (++i == argc) throw Error(ErrorCode::kUsage, "it wants a value", name);
    const std::string value = argv[i];
    if (name == "--threads")
      options.load.threads = parse_number(name, value, 0, os::ThreadPool::kThreadsMax);
    else if (name == "--isa")
      options.load.isa = value;
    else if (name == "--kv-type")
      options.load.kv_type = value;
    else if (name == "--prompt")
      options.prompt = parse_number(name, value, 1, kPositionsMax);
    else if (name == "--tokens")
      options.tokens = parse_number(name, value, tokens_min, kPositionsMax);
    else if (name == "--batch")
      options.batch = parse_number(name, value, 1, plan::kSequencesMax);
    else if (name == "--rounds")
      options.rounds = parse_number(name, value, 1, kRoundsMax);
    else if (!other || !other(name, value))
      throw Error(ErrorCode::kUsage, "unknown option", name);
  }
  if (options.load.model_path.empty()) throw Error(ErrorCode::kUsage, "which model?");
  return options;
}

}  // namespace gantry::bench
