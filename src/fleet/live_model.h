// From a path to a model that answers: header -> Blueprint -> plan -> arenas and weights -> engine ->
// completer. The second story of ARCHITECTURE.md. Loading is all or nothing (contract M4).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "fleet/device_pool.h"
#include "fleet/fleet.h"

namespace gantry::fleet {

// What the user said of a model; zero and empty mean "you decide".
struct LoadSettings {
  std::string model_path;
  // Not empty: the model itself, which is no file of its own; model_path is then its name. They outlive the
  // model.
  std::span<const std::byte> model_bytes;
  std::string alias;                    // the id clients use; empty: the file's name without .gguf
  uint32_t context = 0;                 // positions of one sequence
  uint32_t sequences = 0;               // at once
  std::string kv_type = "f16";          // "f32", "f16", "q8_0"
  uint32_t step_rows = 0;               // tokens in one step
  std::optional<uint32_t> checkpoints;  // copies of recurrent states that are kept
  uint32_t queue_max = 256;             // requests waiting
  bool prefix_cache = true;
  std::string devices;  // "cpu:0"
  std::string isa;      // of the CPU: "scalar", "avx2", "avx512"
  uint32_t threads = 0;
  uint64_t memory_cap_bytes = 0;  // of the device
  std::string pre_split_override;
  std::string chat_template_path;  // instead of the file's own
  std::string reply_format;        // reply: a row's name; empty or "auto": what the template says
};

// Told where loading stands: a stage's name and how far it is, 0 to 1.
using Progress = std::function<void(std::string_view stage, double fraction)>;

// The id that clients use for it.
std::string id_of(const LoadSettings& settings);

Lease load_model(const DevicePool& pool, const LoadSettings& settings, const Progress& progress = {});

// What `gantry plan` prints. Nothing is loaded. Error kMemory with the arithmetic when it does not fit.
std::string explain_plan(const DevicePool& pool, const LoadSettings& settings);
nlohmann::ordered_json plan_json(const DevicePool& pool, const LoadSettings& settings);

// The logits of every position of `tokens`, float32 [tokens, vocab], computed in slices of `slice` (0: the
// largest). Needs no vocabulary in the file.
void debug_logits(const DevicePool& pool, const LoadSettings& settings, std::span<const TokenId> tokens,
                  uint32_t slice, std::ostream& out);

}  // namespace gantry::fleet
