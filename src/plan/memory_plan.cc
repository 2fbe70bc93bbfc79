#include "plan/memory_plan.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "base/counted.h"
#include "base/error.h"
#include "plan/needs.h"
#include "plan/planner.h"
#include "plan/refusal.h"

namespace gantry::plan {
namespace {

void check_range(const char* field, uint32_t value, uint32_t max) {
  if (value > max) {
    throw Error(ErrorCode::kInvalidRequest, fmt::format("{} is more than the limit of {}", value, max),
                field);
  }
}

void check_settings(const arch::Blueprint& blueprint, const Settings& settings) {
  check_range("sequences", settings.sequences, kSequencesMax);
  check_range("step_rows", settings.step_rows, kStepRowsMax);
  check_range("checkpoints", settings.checkpoints.value_or(0), kCheckpointsMax);
  if (settings.context > blueprint.context_train) {
    throw Error(ErrorCode::kInvalidRequest,
                fmt::format("{} of context are asked for, but the model was made for {}",
                            counted(settings.context, "token"), blueprint.context_train),
                "context", fmt::format("at most context={}", blueprint.context_train));
  }
}

}  // namespace

const char* name_of(ArenaKind kind) {
  switch (kind) {
    case ArenaKind::kWeights:
      return "weights";
    case ArenaKind::kKv:
      return "kv";
    case ArenaKind::kStates:
      return "states";
    case ArenaKind::kActivations:
      return "activations";
    case ArenaKind::kScratch:
      return "scratch";
    case ArenaKind::kStaging:
      return "staging";
    case ArenaKind::kHostCache:
      return "host cache";
  }
  return "";
}

uint64_t DevicePlan::bytes() const {
  return std::accumulate(arenas.begin(), arenas.end(), overhead_bytes + recordings_bytes + host_bytes,
                         [](uint64_t sum, const ArenaPlan& arena) { return sum + arena.bytes; });
}

const ArenaPlan& DevicePlan::arena(ArenaKind kind) const {
  return *std::find_if(arenas.begin(), arenas.end(), [&](const ArenaPlan& a) { return a.kind == kind; });
}

quant::Dtype parse_kv_dtype(std::string_view name) {
  const quant::DtypeFacts* found = quant::find_dtype(name);
  if (found != nullptr && (found->dtype == quant::Dtype::kF16 || found->dtype == quant::Dtype::kF32 ||
                           found->dtype == quant::Dtype::kQ8_0)) {
    return found->dtype;
  }
  throw Error(ErrorCode::kUsage, fmt::format("no such KV type: '{}'", name), "kv_type",
              "there are: f16, f32, q8_0");
}

bool MemoryPlan::fits() const {
  return std::all_of(devices.begin(), devices.end(),
                     [](const DevicePlan& device) { return device.fits(); }) &&
         (!host_budget || host.bytes <= host_budget->bytes);
}

MemoryPlan make_plan(const arch::Blueprint& blueprint, const Settings& settings, const Machine& machine) {
  if (machine.devices.size() != 1)
    throw Error(ErrorCode::kUnsupported,
                fmt::format("a model on {} devices: this version puts it on one", machine.devices.size()),
                "device", "name one device");
  check_settings(blueprint, settings);
  const std::vector<Need> needs = list_needs(blueprint, settings.kv_dtype);
  for (const MachineDevice& device : machine.devices) check_needs(needs, *device.sizer, device.facts.id);
  MemoryPlan plan = decide(blueprint, settings, machine);
  if (!plan.fits()) refuse(blueprint, settings, plan, machine);
  return plan;
}

}  // namespace gantry::plan
