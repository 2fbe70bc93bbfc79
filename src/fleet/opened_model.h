// A model's file, its Blueprint and the plan for one device, in one place; the loader's and the planner's
// common beginning.
#pragma once

#include <memory>

#include "arch/blueprint.h"
#include "device/registry.h"
#include "fleet/live_model.h"
#include "gguf/gguf.h"
#include "plan/memory_plan.h"

namespace gantry::fleet {

struct OpenedModel {
  std::shared_ptr<device::Device> device;
  std::unique_ptr<gguf::GgufFile> file;
  std::unique_ptr<const arch::Blueprint> blueprint;  // points into the file
  plan::MemoryPlan plan;
};

// For those who step the model without an engine: logits_of_all_rows, and with it or alone whole_windows: one
// page table is enough, as no window forgets its pages.
OpenedModel open_model(const device::Registry& registry, const LoadSettings& settings,
                       bool logits_of_all_rows = false, bool whole_windows = false);

}  // namespace gantry::fleet
