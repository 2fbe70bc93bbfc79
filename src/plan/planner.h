// Inside plan only: what a model takes for given limits, and the search for limits that fit.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "plan/memory_plan.h"

namespace gantry::plan {

// The arguments outlive it.
class Planner {
 public:
  Planner(const arch::Blueprint& blueprint, const Settings& settings, const Machine& machine);

  // The plan for these limits, whether it fits or not.
  MemoryPlan count(const Limits& limits) const;
  bool fits(const Limits& limits) const { return count(limits).fits(); }

  // Whether the plan fits and its pages take no more than their share of what all else leaves free: what they
  // may take where the user named no number. The memory at hand is also everybody else's.
  bool within_share(const Limits& limits) const;
  // The same for a context of so many pages, of which a modest one may have all that is left.
  bool may_have(uint32_t pages) const;

  // Limits for a context and a number of pages; for a context of so many pages, and no more than those.
  Limits limits(uint32_t context, uint32_t pages) const;
  Limits alone(uint32_t pages) const;

  // The largest n in [1, high] for which `good` holds; 0: for none. `good` is a question of the sizes of a
  // context of n pages, which only grow with n, but for where a window's layers come to keep their own pages
  // only, and where kModestPages end.
  uint32_t longest(uint32_t high, const std::function<bool(uint32_t)>& good) const;

  uint64_t weights_bytes() const { return weights_.bytes; }
  const std::vector<std::string>& notes() const { return notes_; }  // on what the constructor decided

 private:
  ArenaPlan arena(ArenaKind kind, std::vector<Item> items) const;
  ArenaPlan weights() const;
  DevicePlan count_device(const Limits& limits) const;
  HostPlan count_host(const Limits& limits, const ArenaPlan& cache) const;
  std::vector<Item> kv_items(const Limits& limits) const;
  std::vector<Item> state_items(const Limits& limits) const;
  void choose_states();
  void note_what_gave_way();

  const arch::Blueprint& blueprint_;
  const Settings& settings_;
  const Machine& machine_;
  const MachineDevice& device_;
  const device::Sizer& sizer_;
  const ArenaPlan weights_;
  const uint64_t state_bytes_;
  uint32_t sequences_ = 0, checkpoints_ = 0;
  std::vector<std::string> notes_;
};

// A context that nobody asked for may take all that is left up to here, and its share beyond.
inline constexpr uint32_t kModestPages = 64;

// The largest n in [low, high] for which `good` holds; it holds up to some n and not beyond. low - 1 when for
// none.
uint32_t largest(uint32_t low, uint32_t high, const std::function<bool(uint32_t)>& good);

// The plan for these settings, whether it fits or not.
MemoryPlan decide(const arch::Blueprint& blueprint, const Settings& settings, const Machine& machine);

}  // namespace gantry::plan
