#include "plan/windows.h"

#include <set>

#include "base/windows.h"

namespace gantry::plan {
namespace {

std::set<uint32_t> window_lengths(const arch::Blueprint& blueprint) {
  std::set<uint32_t> lengths;
  for (const arch::LayerSpec& layer : blueprint.layers) {
    const auto* attention = std::get_if<arch::SoftmaxAttention>(&layer.mixer);
    if (attention != nullptr && attention->window != 0) lengths.insert(attention->window);
  }
  return lengths;
}

}  // namespace

std::vector<uint32_t> window_shares(const arch::Blueprint& blueprint, uint32_t step_rows) {
  std::vector<uint32_t> shares;
  for (const uint32_t window : window_lengths(blueprint)) shares.push_back(window_share(window, step_rows));
  return shares;
}

std::vector<WindowPages> window_pages(const arch::Blueprint& blueprint, const Limits& limits) {
  std::vector<WindowPages> windows;
  for (const uint32_t window : window_lengths(blueprint)) {
    const uint32_t share = window_share(window, limits.step_rows);
    const uint64_t pages = uint64_t{limits.sequences} * share;
    if (share < limits.pages_max && pages <= kPagesMax)
      windows.push_back({window, static_cast<uint32_t>(pages)});
  }
  return windows;
}

std::optional<uint32_t> window_of(const arch::SoftmaxAttention& attention, const Limits& limits) {
  for (uint32_t i = 0; i < limits.windows.size(); ++i)
    if (limits.windows[i].window == attention.window) return i;
  return std::nullopt;
}

std::optional<uint32_t> window_of(const arch::LatentAttention&, const Limits&) { return std::nullopt; }

}  // namespace gantry::plan
