// Layers that see only a window of the last positions: they keep the pages of it, whatever the context. Those
// with windows of one length share page numbers, and so page tables.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "arch/blueprint.h"
#include "plan/memory_plan.h"

namespace gantry::plan {

// The pages that a sequence needs for each length of window.
std::vector<uint32_t> window_shares(const arch::Blueprint& blueprint, uint32_t step_rows);

// One for each length of window that takes fewer pages than whole contexts would.
std::vector<WindowPages> window_pages(const arch::Blueprint& blueprint, const Limits& limits);

// Index into Limits::windows; none for a layer that keeps all its pages.
std::optional<uint32_t> window_of(const arch::SoftmaxAttention& attention, const Limits& limits);
std::optional<uint32_t> window_of(const arch::LatentAttention& attention, const Limits& limits);

// Pages in the layer's pool.
template <typename Attention>
uint32_t pool_pages(const Attention& attention, const Limits& limits) {
  const std::optional<uint32_t> window = window_of(attention, limits);
  return window ? limits.windows[*window].pages : limits.pages;
}

}  // namespace gantry::plan
