#include "plan/memory_plan.h"

#include <algorithm>
#include <array>
#include <functional>
#include <numeric>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/page_records.h"
#include "device/expert_ops.h"
#include "plan/activations.h"
#include "plan/states.h"
#include "plan/windows.h"

namespace gantry::plan {
namespace {

constexpr uint32_t kStepRowsLeast = 16;  // shorter steps are offered only where nothing else fits

// Sums stop here, where all arenas together still fit 64 bits: a page of a layer has less than 2^30 bytes.
constexpr uint64_t kBeyondAnyMachine = uint64_t{1} << 60;

class Planner {
 public:
  Planner(const arch::Blueprint& blueprint, const Settings& settings, const device::DeviceFacts& facts,
          const device::Sizer& sizer)
      : blueprint_(blueprint),
        settings_(settings),
        facts_(facts),
        sizer_(sizer),
        weights_(weights()),
        state_bytes_(state_layout(blueprint).bytes) {
    choose_states();
    note_what_gave_way();
  }

  // The plan for these limits, whether it fits or not.
  DevicePlan count(const Limits& limits) const {
    DevicePlan plan{facts_, {}, sizer_.overhead_bytes(), 0};
    if (facts_.kind == device::DeviceKind::kCpu)
      plan.host_bytes = uint64_t{4} * limits.logit_rows * blueprint_.vocab + bytes_of(page_records(limits));
    plan.arenas.push_back(weights_);
    plan.arenas.push_back(arena(ArenaKind::kKv, kv_items(limits)));
    plan.arenas.push_back(arena(ArenaKind::kStates, state_items(limits)));
    std::vector<Item> activations;
    for (const Activation& a : list_activations(blueprint_, limits))
      activations.push_back({name_of(a.role), a.bytes()});
    plan.arenas.push_back(arena(ArenaKind::kActivations, std::move(activations)));
    plan.arenas.push_back(
        arena(ArenaKind::kScratch, {{"operations", scratch_bytes(blueprint_, limits, sizer_)}}));
    std::vector<Item> staging;
    for (const Staging& s : list_staging(limits)) staging.push_back({s.name, s.bytes});
    plan.arenas.push_back(arena(ArenaKind::kStaging, std::move(staging)));
    return plan;
  }

  bool fits(const Limits& limits) const { return count(limits).bytes() <= facts_.memory_free_bytes; }

  // Limits for a context and a number of pages.
  Limits limits(uint32_t context, uint32_t pages) const {
    Limits limits;
    limits.context = context;
    limits.sequences = sequences_;
    limits.checkpoints = checkpoints_;
    limits.step_rows =
        std::max(settings_.step_rows != 0 ? settings_.step_rows : kStepRowsDefault, limits.sequences);
    limits.logit_rows = settings_.logits_of_all_rows ? limits.step_rows : limits.sequences;
    limits.kv_dtype = settings_.kv_dtype;
    limits.pages_max = pages_for(context);
    limits.pages = pages;
    if (!settings_.whole_windows) limits.windows = window_pages(blueprint_, limits);
    return limits;
  }

  uint64_t weights_bytes() const { return weights_.bytes; }
  const std::vector<std::string>& notes() const { return notes_; }  // on what the constructor decided

  static uint32_t pages_for(uint32_t context) { return (context + kPageTokens - 1) / kPageTokens; }

 private:
  ArenaPlan arena(ArenaKind kind, std::vector<Item> items) const {
    ArenaPlan plan{kind, std::move(items), 0};
    for (const Item& item : plan.items) {
      GANTRY_CHECK_LE(item.bytes, kBeyondAnyMachine);
      plan.bytes = std::min(plan.bytes + align_up(item.bytes, sizer_.alignment()), kBeyondAnyMachine);
    }
    return plan;
  }

  ArenaPlan weights() const {
    std::vector<Item> items;
    arch::visit_weights(blueprint_,
                        {[&](const arch::Matrix& m) {
                           items.push_back({std::string(m.tensor->name), sizer_.packed_bytes(m.shape)});
                         },
                         [&](const arch::Vector& v) {
                           items.push_back({std::string(v.tensor->name), uint64_t{4} * v.size});
                         },
                         [&](const arch::MatrixStack& s) {
                           items.push_back({std::string(s.tensors[0]->name),
                                            s.count * device::stack_stride(sizer_, s.shape), s.sparse});
                         }});
    for (const arch::Rope& rope : blueprint_.ropes) {
      items.push_back({"rotation frequencies", uint64_t{8} * rope.frequencies.size()});
    }
    for (const std::vector<float>& slopes : blueprint_.slopes) {
      items.push_back({"slopes of the bias by distance", uint64_t{4} * slopes.size()});
    }
    return arena(ArenaKind::kWeights, std::move(items));
  }

  static PageRecords page_records(const Limits& limits) {
    PageRecords records{.pages = limits.pages,
                        .tables = uint64_t{limits.sequences} * limits.pages_max,
                        .windows = limits.windows.size(),
                        .window_pages = 0,
                        .checkpoints = limits.checkpoints};
    for (const WindowPages& window : limits.windows) records.window_pages += window.pages;
    return records;
  }

  std::vector<Item> kv_items(const Limits& limits) const {
    std::vector<Item> items;
    for (size_t i = 0; i < blueprint_.layers.size(); ++i) {
      std::visit(arch::Overloaded{[&](const auto& attention) {
                                    items.push_back({fmt::format("layer {}", i),
                                                     sizer_.kv_page_bytes(kv_shape(attention, limits)) *
                                                         pool_pages(attention, limits)});
                                  },
                                  arch::SkipRecurrent{}},
                 blueprint_.layers[i].mixer);
    }
    return items;
  }

  std::vector<Item> state_items(const Limits& limits) const {
    if (state_bytes_ == 0) return {};
    return {{fmt::format("{} live, {} checkpoints", limits.sequences, limits.checkpoints),
             std::min(checked_mul(state_bytes_, uint64_t{limits.sequences} + limits.checkpoints)
                          .value_or(kBeyondAnyMachine),
                      kBeyondAnyMachine)}};
  }

  // How many states: what the user named, else what leaves room for pages. One is needed for each sequence.
  void choose_states() {
    sequences_ = settings_.sequences != 0 ? settings_.sequences : kSequencesDefault;
    if (state_bytes_ == 0) return;
    const DevicePlan least = count(limits(1, 0));
    const uint64_t used = least.bytes() - least.arena(ArenaKind::kStates).bytes;
    const uint64_t left = facts_.memory_free_bytes > used ? facts_.memory_free_bytes - used : 0;
    if (settings_.sequences == 0 && state_bytes_ > left / 4 / sequences_) {
      const uint32_t wanted = sequences_;
      sequences_ = static_cast<uint32_t>(std::max<uint64_t>(1, left / 4 / state_bytes_));
      notes_.push_back(fmt::format("{} sequences instead of {}: the state of each takes {}", sequences_,
                                   wanted, human_bytes(state_bytes_)));
    }
    const uint32_t wanted = kCheckpointsPerSequence * sequences_;
    checkpoints_ = settings_.checkpoints.value_or(
        static_cast<uint32_t>(std::min<uint64_t>(wanted, left / 8 / state_bytes_)));
    if (!settings_.checkpoints && checkpoints_ < wanted) {
      notes_.push_back(fmt::format("{} checkpoints instead of {}: each takes {}; prompts share less",
                                   checkpoints_, wanted, human_bytes(state_bytes_)));
    }
  }

  // What the user named and the model or another setting has no use for.
  void note_what_gave_way() {
    if (settings_.step_rows != 0 && settings_.step_rows < sequences_)
      notes_.push_back(fmt::format("{} tokens in a step instead of {}: each of the sequences needs one",
                                   sequences_, settings_.step_rows));
    if (state_bytes_ == 0 && settings_.checkpoints.value_or(0) != 0)
      notes_.push_back(fmt::format("no checkpoints instead of {}: no layer of this model is recurrent",
                                   *settings_.checkpoints));
  }

  const arch::Blueprint& blueprint_;
  const Settings& settings_;
  const device::DeviceFacts& facts_;
  const device::Sizer& sizer_;
  const ArenaPlan weights_;
  const uint64_t state_bytes_;
  uint32_t sequences_ = 0, checkpoints_ = 0;
  std::vector<std::string> notes_;
};

// The largest n in [low, high] for which `good` holds; it holds up to some n and not beyond. low - 1 when for
// none.
uint32_t largest(uint32_t low, uint32_t high, const std::function<bool(uint32_t)>& good) {
  while (low <= high) {
    const uint32_t middle = low + (high - low) / 2;
    if (good(middle)) {
      low = middle + 1;
    } else {
      high = middle - 1;
    }
  }
  return low - 1;
}

void check_range(const char* field, uint32_t value, uint32_t max) {
  if (value > max) {
    throw Error(ErrorCode::kInvalidRequest, fmt::format("{} is over the limit of {}", value, max), field);
  }
}

void check_settings(const arch::Blueprint& blueprint, const Settings& settings) {
  check_range("--sequences", settings.sequences, kSequencesMax);
  check_range("--step-rows", settings.step_rows, kStepRowsMax);
  check_range("--checkpoints", settings.checkpoints.value_or(0), kCheckpointsMax);
  if (settings.context > blueprint.context_train) {
    throw Error(
        ErrorCode::kInvalidRequest,
        fmt::format("{} positions asked for, the model knows {}", settings.context, blueprint.context_train),
        "--context", fmt::format("at most --context {}", blueprint.context_train));
  }
}

// The share of what weights and buffers leave free that the KV pool may take when the user named no number: a
// CPU's memory is also everybody else's.
uint64_t kv_budget(const device::DeviceFacts& facts, const DevicePlan& without_kv) {
  const uint64_t used = without_kv.bytes();
  const uint64_t left = facts.memory_free_bytes > used ? facts.memory_free_bytes - used : 0;
  return facts.kind == device::DeviceKind::kCpu ? left / 2 : left / 10 * 9;
}

// The plan for these settings, whether it fits or not.
MemoryPlan decide(const arch::Blueprint& blueprint, const Settings& settings,
                  const device::DeviceFacts& facts, const device::Sizer& sizer) {
  const Planner planner(blueprint, settings, facts, sizer);
  MemoryPlan plan;
  plan.notes = planner.notes();

  // One sequence of the longest context must fit the pool; a context nobody asked for gives way to that.
  uint32_t context = settings.context != 0 ? settings.context : blueprint.context_train;
  const uint64_t budget = kv_budget(facts, planner.count(planner.limits(context, 0)));
  // What pages add: those of windows are counted beside them.
  const auto page_bytes = [&](uint32_t pages) {
    return planner.count(planner.limits(context, pages)).bytes() -
           planner.count(planner.limits(context, 0)).bytes();
  };
  const uint32_t whole = Planner::pages_for(context);
  if (settings.context == 0 && page_bytes(whole) > budget) {
    const uint32_t pages =
        std::max(1u, largest(1, whole, [&](uint32_t p) { return page_bytes(p) <= budget; }));
    context = std::min(context, pages * kPageTokens);
    plan.notes.push_back(fmt::format("context {} of the model's {}: what fits beside the weights", context,
                                     blueprint.context_train));
  }

  const Limits wanted = planner.limits(context, 0);
  const uint64_t all = uint64_t{wanted.sequences} * wanted.pages_max;
  uint32_t pages = static_cast<uint32_t>(std::min<uint64_t>(all, kPagesMax));
  if ((settings.context == 0 || settings.sequences == 0) && page_bytes(pages) > budget) {
    pages =
        std::max(wanted.pages_max, largest(1, pages, [&](uint32_t p) { return page_bytes(p) <= budget; }));
    plan.notes.push_back(
        fmt::format("{} pages for {} sequences: {} would be needed if all were full; sequences wait or are "
                    "preempted beyond that",
                    pages, wanted.sequences, all));
  }
  plan.limits = planner.limits(context, pages);
  plan.devices.push_back(planner.count(plan.limits));
  return plan;
}

const char* flag_of(quant::Dtype kv_dtype) {
  return kv_dtype == quant::Dtype::kQ8_0 ? "q8_0" : kv_dtype == quant::Dtype::kF16 ? "f16" : "f32";
}

// The flags of the longest context that one sequence may have with these settings; empty: none.
std::string longest_alone(const arch::Blueprint& blueprint, Settings settings,
                          const device::DeviceFacts& facts, const device::Sizer& sizer) {
  settings.sequences = 1;
  settings.checkpoints = 0;
  const Planner planner(blueprint, settings, facts, sizer);
  const uint32_t pages = largest(1, Planner::pages_for(blueprint.context_train), [&](uint32_t p) {
    return planner.fits(planner.limits(p * kPageTokens, p));
  });
  if (pages == 0) return {};
  std::string flags =
      fmt::format("--sequences 1 --context {} --kv-type {}",
                  std::min(pages * kPageTokens, blueprint.context_train), flag_of(settings.kv_dtype));
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

[[noreturn]] void refuse(const arch::Blueprint& blueprint, const Settings& settings, const DevicePlan& plan,
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
  }
  return "";
}

uint64_t DevicePlan::bytes() const {
  return std::accumulate(arenas.begin(), arenas.end(), overhead_bytes + host_bytes,
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
  throw Error(ErrorCode::kUsage, fmt::format("no such KV type: '{}'", name), "--kv-type",
              "there are: f16, f32, q8_0");
}

MemoryPlan make_plan(const arch::Blueprint& blueprint, const Settings& settings,
                     const device::DeviceFacts& facts, const device::Sizer& sizer) {
  check_settings(blueprint, settings);
  MemoryPlan plan = decide(blueprint, settings, facts, sizer);
  if (plan.devices[0].bytes() > facts.memory_free_bytes) refuse(blueprint, settings, plan.devices[0], sizer);
  return plan;
}

}  // namespace gantry::plan
