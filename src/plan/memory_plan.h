// Every byte before loading. From a Blueprint, the settings and a machine (contract M1) to what each arena
// and the host's memory will hold; the loader takes exactly that (M2). Pure: touches no device, reads no
// weight.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "arch/blueprint.h"
#include "base/copies.h"
#include "plan/machine.h"

namespace gantry::plan {

inline constexpr uint32_t kSequencesDefault = 8;
inline constexpr uint32_t kSequencesMax = 1024;
inline constexpr uint32_t kCheckpointsPerSequence = 4;  // by default
inline constexpr uint32_t kCheckpointsMax = 1u << 16;
inline constexpr uint32_t kStepRowsDefault = 512;
inline constexpr uint32_t kStepRowsMax = 8192;
inline constexpr uint32_t kPagesMax = 1u << 30;  // in a pool

// What the user asked for; zero means "you decide".
struct Settings {
  uint32_t context = 0;                 // positions of one sequence
  uint32_t sequences = 0;               // at once
  uint32_t step_rows = 0;               // tokens in one step
  std::optional<uint32_t> checkpoints;  // copies of recurrent states; none: you decide
  quant::Dtype kv_dtype = quant::Dtype::kF16;
  uint64_t host_cache_bytes = 0;    // of the host's memory, for what the device has no room for any more
  bool whole_windows = false;       // layers with windows keep all pages too (debugging)
  bool logits_of_all_rows = false;  // not only of each sequence's last one (debugging)
  std::vector<Item> host_items;     // what the caller keeps in the host's memory beside the engine
};

// Pages of the layers with windows of this length, for all sequences together.
struct WindowPages {
  uint32_t window = 0, pages = 0;
};

// What was decided.
struct Limits {
  uint32_t context = 0, sequences = 0, step_rows = 0, logit_rows = 0;
  uint32_t pages = 0;                // in the pool
  uint32_t pages_max = 0;            // of one sequence
  std::vector<WindowPages> windows;  // layers with windows have pools of their own
  uint32_t checkpoints = 0;          // recurrent states beside the one of each sequence
  TierSizes host = {};               // pages and states in the host's memory, beside those of the device
  quant::Dtype kv_dtype = quant::Dtype::kF16;
};

enum class ArenaKind : uint8_t { kWeights, kKv, kStates, kActivations, kScratch, kStaging, kHostCache };
const char* name_of(ArenaKind kind);

struct ArenaPlan {
  ArenaKind kind = ArenaKind::kWeights;
  std::vector<Item> items;
  uint64_t bytes = 0;  // of the arena: the items, each aligned
};

// What the engine and its callers keep in the host's memory, item by item.
struct HostPlan {
  std::vector<Item> items;
  uint64_t bytes = 0;
};

struct DevicePlan {
  device::DeviceFacts facts;
  Budget budget;
  std::vector<ArenaPlan> arenas;                       // one of each kind but the next
  ArenaPlan host_cache{ArenaKind::kHostCache, {}, 0};  // in the host's memory, and counted there
  uint64_t overhead_bytes = 0;                         // the backend's own
  uint64_t recordings_bytes = 0;                       // of steps that the backend has recorded
  uint64_t host_bytes = 0;  // HostPlan::bytes, where the host's memory is this device's
  uint64_t bytes() const;
  bool fits() const { return bytes() <= budget.bytes; }
  const ArenaPlan& arena(ArenaKind kind) const;
};

struct MemoryPlan {
  Limits limits;
  std::vector<std::string> notes;  // what was decided for the user, and why
  std::vector<DevicePlan> devices;
  HostPlan host;
  std::optional<Budget> host_budget;  // none: the host's memory is a device's and counted there
  std::vector<Item> beside;           // Machine::beside
  bool fits() const;
};

// Throws Error kMemory with the arithmetic and the nearest plans that fit; kInvalidRequest for settings out
// of range; kUnsupported for what a device cannot do, and for a machine of several devices: a model runs
// on one.
MemoryPlan make_plan(const arch::Blueprint& blueprint, const Settings& settings, const Machine& machine);

// "f16", "f32", "q8_0". Error kUsage listing them.
quant::Dtype parse_kv_dtype(std::string_view name);

}  // namespace gantry::plan
