#include "plan/planner.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/counted.h"
#include "base/ids.h"
#include "base/page_records.h"
#include "base/pages.h"
#include "base/sampler_bytes.h"
#include "device/expert_ops.h"
#include "plan/activations.h"
#include "plan/host_cache.h"
#include "plan/recordings.h"
#include "plan/staging.h"
#include "plan/states.h"
#include "plan/windows.h"

namespace gantry::plan {
namespace {

// Sums stop here, where all arenas together still fit 64 bits: a page of a layer has less than 2^30 bytes.
constexpr uint64_t kBeyondAnyMachine = uint64_t{1} << 60;

PageRecords page_records(const Limits& limits) {
  PageRecords records{.pages = limits.pages,
                      .sequences = limits.sequences,
                      .tables = uint64_t{limits.sequences} * limits.pages_max,
                      .windows = limits.windows.size(),
                      .window_pages = 0,
                      .checkpoints = limits.checkpoints,
                      .far_pages = limits.host.pages,
                      .far_window_pages = 0,
                      .far_states = limits.host.states,
                      .fetched = limits.host == TierSizes{} ? 0 : fetched_in_step(limits.step_rows)};
  for (const WindowPages& window : limits.windows) records.window_pages += window.pages;
  for (const uint32_t pages : limits.host.window_pages) records.far_window_pages += pages;
  return records;
}

}  // namespace

Planner::Planner(const arch::Blueprint& blueprint, const Settings& settings, const Machine& machine)
    : blueprint_(blueprint),
      settings_(settings),
      machine_(machine),
      device_(machine.devices[0]),
      sizer_(*device_.sizer),
      weights_(weights()),
      state_bytes_(state_layout(blueprint).bytes) {
  choose_states();
  note_what_gave_way();
}

MemoryPlan Planner::count(const Limits& limits) const {
  MemoryPlan plan;
  plan.limits = limits;
  plan.devices.push_back(count_device(limits));
  plan.host = count_host(limits, plan.devices[0].host_cache);
  if (is_host(device_))
    plan.devices[0].host_bytes = plan.host.bytes;
  else
    plan.host_budget = machine_.host.budget;
  plan.beside = machine_.beside;
  return plan;
}

DevicePlan Planner::count_device(const Limits& limits) const {
  DevicePlan plan;
  plan.facts = device_.facts;
  plan.budget = device_.budget;
  plan.overhead_bytes = sizer_.overhead_bytes();
  plan.recordings_bytes = recordings_bytes(blueprint_, sizer_);
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
  for (const StagedPart& part : staging_layout(largest_step(limits), sizer_.alignment()).parts)
    staging.push_back({part.name, part.bytes});
  plan.arenas.push_back(arena(ArenaKind::kStaging, std::move(staging)));
  if (limits.host != TierSizes{})
    plan.host_cache = arena(ArenaKind::kHostCache, list_host_cache(blueprint_, limits, sizer_));
  return plan;
}

// One step is computed while the next one is prepared.
HostPlan Planner::count_host(const Limits& limits, const ArenaPlan& cache) const {
  constexpr uint64_t kStepsAtOnce = 2;
  const uint32_t pick_threads = std::min({device_.facts.compute_units, kPickThreadsMax, limits.logit_rows});
  const uint64_t staging = staging_layout(largest_step(limits), sizer_.alignment()).bytes;
  HostPlan plan;
  plan.items = {
      {"two batches as they are prepared", kStepsAtOnce * staging},
      {"a batch as it is sent to the device", staging},
      {"logits of a batch", uint64_t{4} * limits.logit_rows * blueprint_.logits()},
      {"hidden states of a batch", uint64_t{4} * limits.logit_rows * blueprint_.width},
      {"sampling", uint64_t{kSamplerTokenBytes} * pick_threads * blueprint_.logits()},
      {"tokens of parallel requests", sizeof(TokenId) * limits.sequences * limits.pages_max * kPageTokens},
      {"records of pages", bytes_of(page_records(limits))}};
  if (cache.bytes != 0) plan.items.push_back({"cached pages and states", cache.bytes});
  plan.items.insert(plan.items.end(), settings_.host_items.begin(), settings_.host_items.end());
  for (const Item& item : plan.items) plan.bytes = std::min(plan.bytes + item.bytes, kBeyondAnyMachine);
  return plan;
}

Limits Planner::limits(uint32_t context, uint32_t pages) const {
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
  limits.host = fit_host_cache(settings_.host_cache_bytes, blueprint_, limits, sizer_);
  return limits;
}

Limits Planner::alone(uint32_t pages) const {
  const auto context = std::min<uint64_t>(uint64_t{pages} * kPageTokens, blueprint_.context_train);
  return limits(static_cast<uint32_t>(context), pages);
}

bool Planner::within_share(const Limits& limits) const {
  const MemoryPlan all = count(limits);
  if (!all.fits() || device_.budget.reserved) return all.fits();
  Limits without = limits;
  without.pages = 0;
  const uint64_t rest = count(without).devices[0].bytes(), pages = all.devices[0].bytes() - rest;
  const uint64_t left = device_.budget.bytes - rest;
  return pages <= (is_host(device_) ? left / 2 : left / 10 * 9);
}

bool Planner::may_have(uint32_t pages) const {
  return pages <= kModestPages ? fits(alone(pages)) : within_share(alone(pages));
}

uint32_t Planner::longest(uint32_t high, const std::function<bool(uint32_t)>& good) const {
  std::set<uint32_t> firsts = {1, kModestPages + 1};
  if (!settings_.whole_windows)
    for (const uint32_t share : window_shares(blueprint_, limits(1, 0).step_rows)) firsts.insert(share + 1);
  for (auto first = firsts.rbegin(); first != firsts.rend(); ++first) {
    if (*first > high) continue;
    const uint32_t found = largest(*first, high, good);
    if (found >= *first) return found;
    high = *first - 1;
  }
  return 0;
}

ArenaPlan Planner::arena(ArenaKind kind, std::vector<Item> items) const {
  ArenaPlan plan{kind, std::move(items), 0};
  for (const Item& item : plan.items) {
    GANTRY_CHECK_LE(item.bytes, kBeyondAnyMachine);
    plan.bytes = std::min(plan.bytes + align_up(item.bytes, sizer_.alignment()), kBeyondAnyMachine);
  }
  return plan;
}

ArenaPlan Planner::weights() const {
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

std::vector<Item> Planner::kv_items(const Limits& limits) const {
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

std::vector<Item> Planner::state_items(const Limits& limits) const {
  if (state_bytes_ == 0) return {};
  return {{fmt::format("{} live and {} saved states", limits.sequences, limits.checkpoints),
           std::min(checked_mul(state_bytes_, uint64_t{limits.sequences} + limits.checkpoints)
                        .value_or(kBeyondAnyMachine),
                    kBeyondAnyMachine)}};
}

// How many states: what the user named, else what leaves room for pages. One is needed for each sequence.
void Planner::choose_states() {
  sequences_ = settings_.sequences != 0 ? settings_.sequences : kSequencesDefault;
  if (state_bytes_ == 0) return;
  const DevicePlan least = count(limits(1, 0)).devices[0];
  const uint64_t used = least.bytes() - least.arena(ArenaKind::kStates).bytes;
  const uint64_t left = device_.budget.bytes > used ? device_.budget.bytes - used : 0;
  if (settings_.sequences == 0 && state_bytes_ > left / 4 / sequences_) {
    const uint32_t wanted = sequences_;
    sequences_ = static_cast<uint32_t>(std::max<uint64_t>(1, left / 4 / state_bytes_));
    notes_.push_back(fmt::format("{} instead of {}: the state of each takes {}",
                                 counted(sequences_, "parallel request"), wanted, human_bytes(state_bytes_)));
  }
  const uint32_t wanted = kCheckpointsPerSequence * sequences_;
  checkpoints_ = settings_.checkpoints.value_or(
      static_cast<uint32_t>(std::min<uint64_t>(wanted, left / 8 / state_bytes_)));
  if (!settings_.checkpoints && checkpoints_ < wanted) {
    notes_.push_back(fmt::format("{} instead of {}: each takes {}; prompts share less",
                                 counted(checkpoints_, "saved state"), wanted, human_bytes(state_bytes_)));
  }
}

// What the user named and the model or another setting has no use for.
void Planner::note_what_gave_way() {
  if (settings_.step_rows != 0 && settings_.step_rows < sequences_)
    notes_.push_back(fmt::format("a batch of {} instead of {}: each of the parallel requests needs one",
                                 counted(sequences_, "token"), settings_.step_rows));
  if (state_bytes_ == 0 && settings_.checkpoints.value_or(0) != 0)
    notes_.push_back(fmt::format("no saved states instead of {}: no layer of this model is recurrent",
                                 *settings_.checkpoints));
  if (settings_.host_cache_bytes != 0 && is_host(device_))
    notes_.push_back(
        "the device computes in main memory: what host_cache takes would be of more use to it as pages of "
        "its "
        "own");
}

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

MemoryPlan decide(const arch::Blueprint& blueprint, const Settings& settings, const Machine& machine) {
  const Planner planner(blueprint, settings, machine);
  std::vector<std::string> notes = planner.notes();

  // One sequence of the longest context must fit the pool; a context nobody asked for gives way to that.
  uint32_t context = settings.context;
  if (context == 0) {
    const uint32_t found = planner.longest(pages_for(blueprint.context_train),
                                           [&](uint32_t pages) { return planner.may_have(pages); });
    context = planner.alone(std::max(1u, found)).context;
    if (context < blueprint.context_train)
      notes.push_back(fmt::format("{} of context, of the model's {}: more does not fit beside the weights",
                                  counted(context, "token"), blueprint.context_train));
  }

  const Limits wanted = planner.limits(context, 0);
  const auto within_share = [&](uint32_t pages) {
    return planner.within_share(planner.limits(context, pages));
  };
  const uint64_t all = uint64_t{wanted.sequences} * wanted.pages_max;
  auto pages = static_cast<uint32_t>(std::min<uint64_t>(all, kPagesMax));
  if ((settings.context == 0 || settings.sequences == 0) && !within_share(pages)) {
    pages = std::max(wanted.pages_max, largest(1, pages, within_share));
    notes.push_back(
        fmt::format("{} for {}: {} would be needed if all were full; beyond that requests wait or are "
                    "interrupted and continued later",
                    counted(pages, "page"), counted(wanted.sequences, "parallel request"), all));
  }
  MemoryPlan plan = planner.count(planner.limits(context, pages));
  plan.notes = std::move(notes);
  if (settings.host_cache_bytes != 0 && plan.limits.host == TierSizes{})
    plan.notes.push_back(fmt::format("nothing is cached in main memory: {} is less than one page",
                                     human_bytes(settings.host_cache_bytes)));
  return plan;
}

}  // namespace gantry::plan
