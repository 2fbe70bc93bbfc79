#include "plan/host_cache.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/bytes.h"
#include "plan/activations.h"
#include "plan/states.h"
#include "plan/windows.h"

namespace gantry::plan {
namespace {

// count * part / whole, rounded down.
uint32_t share(uint64_t count, uint64_t part, uint64_t whole) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<uint32_t>(std::min<Wide>(Wide{count} * part / whole, kPagesMax));
}

}  // namespace

std::vector<uint64_t> page_bytes(const arch::Blueprint& blueprint, const Limits& limits,
                                 const device::Sizer& sizer) {
  std::vector<uint64_t> bytes(1 + limits.windows.size());
  for (const arch::LayerSpec& layer : blueprint.layers)
    std::visit(arch::Overloaded{[&](const auto& attention) {
                                  const auto window = window_of(attention, limits);
                                  bytes[window ? 1 + *window : 0] +=
                                      sizer.kv_page_bytes(kv_shape(attention, limits));
                                },
                                arch::SkipRecurrent{}},
               layer.mixer);
  return bytes;
}

TierSizes fit_host_cache(uint64_t bytes, const arch::Blueprint& blueprint, const Limits& limits,
                         const device::Sizer& sizer) {
  const std::vector<uint64_t> page = page_bytes(blueprint, limits, sizer);
  const uint64_t state = state_layout(blueprint).bytes;
  // Beyond 64 bits there is no machine: the plan is refused for the device's own part.
  uint64_t all =
      checked_mul(page[0], limits.pages).value_or(0) + checked_mul(state, limits.checkpoints).value_or(0);
  for (size_t i = 0; i < limits.windows.size(); ++i)
    all += checked_mul(page[1 + i], limits.windows[i].pages).value_or(0);
  if (bytes == 0 || all == 0) return {};
  TierSizes sizes;
  // The pages of a model without attention are names, and take nothing.
  sizes.pages = share(limits.pages, bytes, all);
  if (state != 0) sizes.states = share(limits.checkpoints, bytes, all);
  for (const WindowPages& window : limits.windows)
    sizes.window_pages.push_back(share(window.pages, bytes, all));
  return sizes;
}

std::vector<Item> list_host_cache(const arch::Blueprint& blueprint, const Limits& limits,
                                  const device::Sizer& sizer) {
  const std::vector<uint64_t> page = page_bytes(blueprint, limits, sizer);
  const TierSizes& host = limits.host;
  std::vector<Item> items = {{fmt::format("{} pages", host.pages), page[0] * host.pages}};
  for (size_t i = 0; i < limits.windows.size(); ++i) {
    const uint64_t pages = i < host.window_pages.size() ? host.window_pages[i] : 0;
    items.push_back(
        {fmt::format("{} pages for windows of {}", pages, limits.windows[i].window), page[1 + i] * pages});
  }
  items.push_back({fmt::format("{} states", host.states), state_layout(blueprint).bytes * host.states});
  return items;
}

}  // namespace gantry::plan
