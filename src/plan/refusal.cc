#include "plan/refusal.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/error.h"
#include "plan/planner.h"
#include "plan/states.h"

namespace gantry::plan {
namespace {

constexpr uint32_t kStepRowsLeast = 16;  // shorter steps are offered only where nothing else fits

const char* flag_of(quant::Dtype kv_dtype) {
  return kv_dtype == quant::Dtype::kQ8_0 ? "q8_0" : kv_dtype == quant::Dtype::kF16 ? "f16" : "f32";
}

// The flags of the longest context that one sequence may have with these settings; empty: none.
std::string longest_alone(const arch::Blueprint& blueprint, Settings settings,
                          const device::DeviceFacts& facts, const device::Sizer& sizer) {
  settings.sequences = 1;
  settings.checkpoints = 0;
  const Planner planner(blueprint, settings, facts, sizer);
  const uint32_t pages = planner.longest(Planner::pages_for(blueprint.context_train),
                                         [&](uint32_t p) { return planner.fits(planner.alone(p)); });
  if (pages == 0) return {};
  std::string flags = fmt::format("--sequences 1 --context {} --kv-type {}", planner.alone(pages).context,
                                  flag_of(settings.kv_dtype));
  if (settings.step_rows != 0) flags += fmt::format(" --step-rows {}", settings.step_rows);
  if (state_layout(blueprint).bytes != 0) flags += " --checkpoints 0";
  return flags;
}

// What would fit instead: the same with shorter steps; the longest context of one sequence, in each KV type
// that is not larger than the asked one; that with shorter steps.
std::string nearest_plans(const arch::Blueprint& blueprint, const Settings& settings,
                          const device::DeviceFacts& facts, const device::Sizer& sizer) {
  std::string text;
  const auto offer = [&](const std::string& option) {
    if (option.empty() || text.find(option) != std::string::npos) return;
    text += (text.empty() ? "fits: " : "; or ") + option;
  };
  const auto fits = [&](const Settings& tried) {
    return decide(blueprint, tried, facts, sizer).devices[0].bytes() <= facts.memory_free_bytes;
  };
  const uint32_t rows_now = settings.step_rows != 0 ? settings.step_rows : kStepRowsDefault;
  Settings shorter = settings;
  for (shorter.step_rows = rows_now / 2; shorter.step_rows >= kStepRowsLeast; shorter.step_rows /= 2) {
    if (!fits(shorter)) continue;
    offer(fmt::format("the same with --step-rows {}", shorter.step_rows));
    break;
  }
  constexpr std::array kFromTheLargest = {quant::Dtype::kF32, quant::Dtype::kF16, quant::Dtype::kQ8_0};
  for (const quant::Dtype* dtype =
           std::find(kFromTheLargest.begin(), kFromTheLargest.end(), settings.kv_dtype);
       dtype != kFromTheLargest.end(); ++dtype) {
    Settings smaller = settings;
    smaller.kv_dtype = *dtype;
    offer(longest_alone(blueprint, smaller, facts, sizer));
  }
  shorter = settings;
  for (shorter.step_rows = rows_now / 2; text.empty() && shorter.step_rows >= 1; shorter.step_rows /= 2)
    offer(longest_alone(blueprint, shorter, facts, sizer));
  if (!text.empty()) return text;
  const uint64_t weights =
      Planner(blueprint, settings, facts, sizer).weights_bytes() + sizer.overhead_bytes();
  return weights > facts.memory_free_bytes
             ? "the weights alone do not fit: use a smaller model or quantization, or more memory"
             : "beside the weights there is no room for even one sequence: use a smaller model or "
               "quantization, or more memory";
}

}  // namespace

void refuse(const arch::Blueprint& blueprint, const Settings& settings, const DevicePlan& plan,
                         const device::Sizer& sizer) {
  std::string sum;
  for (const ArenaPlan& arena : plan.arenas) {
    sum += fmt::format("{}{} {}", sum.empty() ? "" : " + ", name_of(arena.kind), human_bytes(arena.bytes));
  }
  throw Error(
      ErrorCode::kMemory,
      fmt::format(
          "needs {} ({} bytes: {} + overhead {} + host {}), but {} bytes ({}) are free; {} bytes short",
          human_bytes(plan.bytes()), plan.bytes(), sum, human_bytes(plan.overhead_bytes),
          human_bytes(plan.host_bytes), plan.facts.memory_free_bytes,
          human_bytes(plan.facts.memory_free_bytes), plan.bytes() - plan.facts.memory_free_bytes),
      plan.facts.id, nearest_plans(blueprint, settings, plan.facts, sizer));
}

}  // namespace gantry::plan
