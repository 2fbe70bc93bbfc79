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

bool on_host(const device::Buffer& buffer) { return buffer.arena->kind() == device::MemoryKind::kHost; }

void copy_between(device::Stream& stream, const device::Buffer& to, const device::Buffer& from) {
  if (on_host(from))
    stream.write(to, device::host_bytes(from));
  else if (on_host(to))
    stream.read(device::host_bytes(to), from);
  else
    stream.copy(to, from);
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
                                  const uint64_t bytes =
                                      pages.bytes / plan::pool_pages(attention, model.limits());
                                  Pool& pool = pools_[window ? 1 + *window : 0];
                                  pool.parts.push_back({pages, bytes, pool.page_bytes});
                                  pool.page_bytes += bytes;
                                },
                                arch::SkipRecurrent{}},
               blueprint.layers[i].mixer);
  }
}

device::Buffer Copier::state(const Place& place) const {
  return place.tier == Tier::kHost ? model_.host_state(place.index) : model_.state(place.index);
}

void Copier::run(device::Stream& stream, std::span<const Copy> copies) const {
  for (const Copy& copy : copies) {
    if (copy.what == Kept::kState) {
      copy_between(stream, state(copy.to), state(copy.from));
      continue;
    }
    const size_t number = copy.what == Kept::kPage ? 0 : 1 + copy.pool;
    const Pool& pool = pools_[number];
    for (const Part& part : pool.parts) {
      const auto page = [&](const Place& place) {
        return place.tier == Tier::kHost ? model_.host_pages(number).part(
                                               place.index * pool.page_bytes + part.offset, part.page_bytes)
                                         : part.pages.part(place.index * part.page_bytes, part.page_bytes);
      };
      copy_between(stream, page(copy.to), page(copy.from));
    }
  }
}

}  // namespace gantry::model
