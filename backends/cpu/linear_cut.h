// How a linear layer's sum over k is cut into sections, and its tiles and token groups into tasks. Pure; any
// thread.
#pragma once

#include <algorithm>
#include <cstdint>

#include "backends/cpu/cpu_sizer.h"
#include "backends/cpu/kernels/kernels.h"
#include "backends/cpu/pack.h"
#include "device/sections.h"

namespace gantry::cpu {

static_assert(kWaitingParts == device::kSectionStack);
static_assert(kPartsMax == device::kSectionsMax);

// The order in which the sum of a layer, or of a part of one, is taken. Must outlive the jobs it was given
// to.
struct SumOrder {
  device::SectionSum sum;

  explicit SumOrder(const device::WeightShape& shape) : sum(device::section_sum(shape)) {}
  uint32_t nodes() const { return sum.tree.nodes.count; }
  void give_to(LinearJob& job) const {
    job.sections = sum.count();
    job.borders = sum.borders.data();
    job.joins = sum.tree.joins.data();
    job.node_stride = job.rows;
  }
};

// A panel of tiles is read from memory once and stays in a core's own cache while the groups pass over it.
struct LinearCut {
  uint32_t tiles, groups;        // in all
  uint32_t panel_tiles, panels;  // of one task
  uint32_t task_groups, parts;
  uint32_t tasks() const { return panels * parts; }
};

// Tiles and groups of one task.
struct LinearTask {
  uint32_t tile0, tile1, group0, group1;
};

inline LinearCut cut_linear(uint32_t rows, uint64_t bytes_of_tile, uint32_t tokens, uint32_t threads) {
  constexpr uint64_t kPanelBytes = 192 * 1024;
  constexpr uint32_t kTasksPerThread = 4;  // so that a thread that was held up delays the others little
  LinearCut cut{};
  cut.tiles = tile_count(rows);
  cut.groups = group_count(tokens);
  const uint32_t wanted = threads * kTasksPerThread;
  const auto by_bytes =
      static_cast<uint32_t>(std::clamp<uint64_t>(kPanelBytes / bytes_of_tile, 1, cut.tiles));
  cut.panel_tiles = std::clamp(cut.tiles / wanted, std::min(by_bytes, 4u), by_bytes);
  cut.panels = (cut.tiles + cut.panel_tiles - 1) / cut.panel_tiles;
  const uint32_t parts = std::clamp(wanted / cut.panels, 1u, cut.groups);
  cut.task_groups = (cut.groups + parts - 1) / parts;
  cut.parts = (cut.groups + cut.task_groups - 1) / cut.task_groups;
  return cut;
}

inline LinearTask task_of(const LinearCut& cut, uint32_t task) {
  const uint32_t tile0 = task / cut.parts * cut.panel_tiles, group0 = task % cut.parts * cut.task_groups;
  return {tile0, std::min(cut.tiles, tile0 + cut.panel_tiles), group0,
          std::min(cut.groups, group0 + cut.task_groups)};
}

}  // namespace gantry::cpu
