#include "plan/refusal.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/pages.h"
#include "plan/planner.h"
#include "plan/states.h"

namespace gantry::plan {
namespace {

constexpr const char* kWhatFits = "what fits: ";
constexpr uint32_t kStepRowsLeast = 16;  // shorter steps are offered only where nothing else fits

const char* flag_of(quant::Dtype kv_dtype) {
  return kv_dtype == quant::Dtype::kQ8_0 ? "q8_0" : kv_dtype == quant::Dtype::kF16 ? "f16" : "f32";
}

// The flags of the longest context that one sequence may have with these settings; empty: none.
std::string longest_alone(const arch::Blueprint& blueprint, Settings settings, const Machine& machine) {
  settings.sequences = 1;
  settings.checkpoints = 0;
  const Planner planner(blueprint, settings, machine);
  const uint32_t pages = planner.longest(pages_for(blueprint.context_train),
                                         [&](uint32_t p) { return planner.fits(planner.alone(p)); });
  if (pages == 0) return {};
  std::string flags = fmt::format("sequences=1 context={} kv_type={}", planner.alone(pages).context,
                                  flag_of(settings.kv_dtype));
  if (settings.step_rows != 0) flags += fmt::format(" step_rows={}", settings.step_rows);
  if (state_layout(blueprint).bytes != 0) flags += " checkpoints=0";
  return flags;
}

// What would fit instead: the same with shorter steps; the longest context of one sequence, in each KV type
// that is not larger than the asked one; that with shorter steps.
std::string nearest_plans(const arch::Blueprint& blueprint, const Settings& settings,
                          const Machine& machine) {
  std::string text;
  const auto offer = [&](const std::string& option) {
    if (option.empty() || text.find(option) != std::string::npos) return;
    text += (text.empty() ? kWhatFits : "; or ") + option;
  };
  const auto fits = [&](const Settings& tried) { return decide(blueprint, tried, machine).fits(); };
  const uint32_t rows_now = settings.step_rows != 0 ? settings.step_rows : kStepRowsDefault;
  Settings shorter = settings;
  for (shorter.step_rows = rows_now / 2; shorter.step_rows >= kStepRowsLeast; shorter.step_rows /= 2) {
    if (!fits(shorter)) continue;
    offer(fmt::format("the same with step_rows={}", shorter.step_rows));
    break;
  }
  constexpr std::array kFromTheLargest = {quant::Dtype::kF32, quant::Dtype::kF16, quant::Dtype::kQ8_0};
  for (const quant::Dtype* dtype =
           std::find(kFromTheLargest.begin(), kFromTheLargest.end(), settings.kv_dtype);
       dtype != kFromTheLargest.end(); ++dtype) {
    Settings smaller = settings;
    smaller.kv_dtype = *dtype;
    offer(longest_alone(blueprint, smaller, machine));
  }
  shorter = settings;
  for (shorter.step_rows = rows_now / 2; text.empty() && shorter.step_rows >= 1; shorter.step_rows /= 2)
    offer(longest_alone(blueprint, shorter, machine));
  if (!text.empty()) return text;
  const MachineDevice& device = machine.devices[0];
  const uint64_t weights =
      Planner(blueprint, settings, machine).weights_bytes() + device.sizer->overhead_bytes();
  return weights > device.budget.bytes
             ? "the weights alone do not fit: use a smaller model or quantization, or more memory"
             : "beside the weights there is no room for even one request: use a smaller model or "
               "quantization, or more memory";
}

// The device's sum, or the host's where it is that which is too much.
std::string sum_of(const DevicePlan& plan) {
  std::string sum;
  for (const ArenaPlan& arena : plan.arenas)
    if (arena.bytes != 0) sum += fmt::format("{} {} + ", name_of(arena.kind), human_bytes(arena.bytes));
  if (plan.recordings_bytes != 0)
    sum += fmt::format("recorded batches {} + ", human_bytes(plan.recordings_bytes));
  return fmt::format("{}overhead {} + host {}", sum, human_bytes(plan.overhead_bytes),
                     human_bytes(plan.host_bytes));
}
std::string sum_of(const HostPlan& plan) {
  std::string sum;
  for (const Item& item : plan.items)
    sum += fmt::format("{}{} {}", sum.empty() ? "" : " + ", item.name, human_bytes(item.bytes));
  return sum;
}

}  // namespace

void refuse(const arch::Blueprint& blueprint, const Settings& settings, const MemoryPlan& plan,
            const Machine& machine) {
  const DevicePlan& device = plan.devices[0];
  const bool host = device.fits();
  const uint64_t needed = host ? plan.host.bytes : device.bytes();
  const uint64_t free = host ? plan.host_budget.value_or(Budget{}).bytes : device.budget.bytes;
  uint64_t beside = 0;
  for (const Item& item : plan.beside) beside += item.bytes;
  const bool in_main_memory = host || device.host_bytes != 0;
  std::string there = human_bytes(free);
  if (!host) there += " of " + human_bytes(device.facts.memory_bytes);
  there += free == 0 ? " is free" : " are free";
  if (in_main_memory && beside != 0)
    there += fmt::format(" beside the {} that the server keeps for requests", human_bytes(beside));
  std::string hint = nearest_plans(blueprint, settings, machine);
  if (in_main_memory && beside != 0 && needed - free <= beside)
    hint = "keep less memory for requests (`request_memory`)" +
           (hint.starts_with(kWhatFits) ? "; or " + hint : std::string());
  throw Error(ErrorCode::kMemory,
              fmt::format("the model needs {} ({}), but {}: {} short", human_bytes(needed),
                          host ? sum_of(plan.host) : sum_of(device), there, human_bytes(needed - free)),
              host ? kMainMemory : device.facts.id, std::move(hint));
}

}  // namespace gantry::plan
