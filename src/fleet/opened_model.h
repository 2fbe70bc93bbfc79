// A model's file, its Blueprint and the plan for one device, in one place; the common beginning of loader,
// planner and probe.
#pragma once

#include <memory>

#include "arch/blueprint.h"
#include "fleet/device_pool.h"
#include "fleet/live_model.h"
#include "gguf/gguf.h"
#include "model/loaded_model.h"
#include "plan/memory_plan.h"

namespace gantry::fleet {

struct OpenedModel {
  std::shared_ptr<device::Device> device;
  std::unique_ptr<gguf::GgufFile> file;
  std::unique_ptr<const arch::Blueprint> blueprint;  // points into the file
  plan::MemoryPlan plan;
};

// Opens the file and the device; the plan is empty.
OpenedModel open_file(const DevicePool& pool, const LoadSettings& settings);

struct PlanWishes {
  Shares given_back = {};  // taken for free
  // For those who step the model without an engine: logits_of_all_rows, and with it or alone whole_windows:
  // one page table is enough, as no window forgets its pages.
  bool logits_of_all_rows = false;
  bool whole_windows = false;
};
// Nothing is lent yet. Error kMemory, naming who holds what, where it does not fit beside others.
plan::MemoryPlan plan_model(const DevicePool& pool, const OpenedModel& opened, const LoadSettings& settings,
                            const PlanWishes& wishes = {});

// As those who wait for a model want to hear of it.
model::LoadProgress told_as_fractions(const Progress& progress);

// Both.
OpenedModel open_model(const DevicePool& pool, const LoadSettings& settings, bool logits_of_all_rows = false,
                       bool whole_windows = false);

}  // namespace gantry::fleet
