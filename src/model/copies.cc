#include "model/copies.h"

#include <variant>

#include "base/check.h"
#include "plan/windows.h"

namespace gantry::model {

namespace {

uint32_t places_on_host(const TierSizes& host, Kept what, uint32_t pool) {
  switch (what) {
    case Kept::kPage:
      return host.pages;
    case Kept::kWindowPage:
      return pool < host.window_pages.size() ? host.window_pages[pool] : 0;
    case Kept::kState:
      return host.states;
  }
  return 0;
}

}  // namespace

uint32_t places(const RunnerLimits& limits, Tier tier, Kept what, uint32_t pool) {
  if (tier == Tier::kHost) return places_on_host(limits.host, what, pool);
  if (tier != Tier::kDevice) return 0;
  switch (what) {
    case Kept::kPage:
      return limits.pages;
    case Kept::kWindowPage:
      return pool < limits.windows.size() ? limits.windows[pool].pages : 0;
    case Kept::kState:
      return limits.recurrent ? limits.sequences_max + limits.checkpoints : 0;
  }
  return 0;
}

void check_copies(const RunnerLimits& limits, std::span<const Copy> copies) {
  for (const Copy& copy : copies) {
    for (const Place& place : {copy.from, copy.to})
      GANTRY_CHECK_LT(place.index, places(limits, place.tier, copy.what, copy.pool));
    GANTRY_CHECK(copy.what == Kept::kWindowPage || copy.pool == 0);
    GANTRY_CHECK(!(copy.from == copy.to));
    GANTRY_CHECK(copy.from.tier == Tier::kDevice || copy.to.tier == Tier::kDevice);
  }
}

Copier::Copier(const arch::Blueprint& blueprint, const LoadedModel& model)
    : model_(model), pools_(1 + model.limits().windows.size()) {
  for (uint32_t i = 0; i < blueprint.layers.size(); ++i) {
    std::visit(arch::Overloaded{[&](const auto& attention) {
                                  const auto window = plan::window_of(attention, model.limits());
                                  const device::Buffer pages = model.kv(i);
                                  pools_[window ? 1 + *window : 0].push_back(
                                      {pages, pages.bytes / plan::pool_pages(attention, model.limits())});
                                },
                                arch::SkipRecurrent{}},
               blueprint.layers[i].mixer);
  }
}

void Copier::run(device::Stream& stream, std::span<const Copy> copies) const {
  for (const Copy& copy : copies) {
    if (copy.what == Kept::kState) {
      stream.copy(model_.state(copy.to.index), model_.state(copy.from.index));
      continue;
    }
    for (const Part& part : pools_[copy.what == Kept::kPage ? 0 : 1 + copy.pool]) {
      const auto page = [&](const Place& place) {
        return part.pages.part(place.index * part.page_bytes, part.page_bytes);
      };
      stream.copy(page(copy.to), page(copy.from));
    }
  }
}

}  // namespace gantry::model
