// From a path to a model that answers: header -> Blueprint -> plan -> arenas and weights -> engine ->
// completer. The second story of ARCHITECTURE.md. Loading is all or nothing (contract M4).
#pragma once

#include <cstdint>
#include <iosfwd>
#include <memory>
#include <span>
#include <string>

#include "base/ids.h"
#include "fleet/device_pool.h"
#include "fleet/load_settings.h"
#include "fleet/loader.h"
#include "text/json.h"

namespace gantry::fleet {

// Opens, plans and loads; the pool's memory is lent to it while it lives.
std::unique_ptr<LiveModel> load_model(const DevicePool& pool, const LoadSettings& settings,
                                      const Progress& progress = {});
// The same in steps, for a fleet.
std::unique_ptr<Loader> make_loader(const DevicePool& pool);

// What `gantry plan` prints. Nothing is loaded. Error kMemory with the arithmetic when it does not fit.
std::string explain_plan(const DevicePool& pool, const LoadSettings& settings);
Json plan_json(const DevicePool& pool, const LoadSettings& settings);

// The logits of every position of `tokens`, float32 [tokens, vocab], computed in slices of `slice` (0: the
// largest), each given to `put`. Needs no vocabulary in the file.
void debug_logits(const DevicePool& pool, const LoadSettings& settings, std::span<const TokenId> tokens,
                  uint32_t slice, const std::function<void(std::span<const std::byte>)>& put);

}  // namespace gantry::fleet
