// What the user said of one model. Plain values; zero and empty mean "you decide".
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace gantry::fleet {

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
  uint32_t gap_ms = 0;                  // of a running answer beside prompts
  bool prefix_cache = true;
  uint64_t host_cache_bytes = 0;  // of main memory, for what the device's cache has no room for
  std::string device;             // "cpu:0"
  std::string isa;                // of the CPU: "scalar", "avx2", "avx512"
  uint32_t threads = 0;
  uint64_t memory_cap_bytes = 0;  // of the device
  std::string pre_split_override;
  std::string chat_template_path;  // instead of the file's own
  std::string reply_format;        // reply: a row's name; empty or "auto": what the template says
  bool strict_chat = false;        // what the template has no words for is refused, not said otherwise
  bool memory_on_demand = false;   // of the device: it comes as it is written (device/registry.h)
};

// The id that clients use for it.
std::string id_of(const LoadSettings& settings);

}  // namespace gantry::fleet
