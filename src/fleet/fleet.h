// Models at work. A fleet is a list of slots, one for each configured model. A slot's model comes to life
// when somebody wants it, on the fleet's own thread, and leaves when it is told to, or when another one needs
// its memory and nobody has leased it. Requests lease a model by name; a leased model stays alive until the
// lease is given back. Thread-safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "fleet/loader.h"

namespace gantry::fleet {

// A lease of a cold model waits for it; no more than so many of one slot.
inline constexpr size_t kWaitingLeasesMax = 256;
// A model that could not be loaded is not tried again for every request that names it.
inline constexpr std::chrono::milliseconds kRetryAfter{5'000};
// How long a model that would fit waits for those to become idle that are in its way.
inline constexpr std::chrono::milliseconds kRoomWait{60'000};

struct FleetOptions {
  size_t waiting_max = kWaitingLeasesMax;
  std::chrono::milliseconds retry_after = kRetryAfter;
  std::chrono::milliseconds room_wait = kRoomWait;
  // Told, on the fleet's thread, where the loading of a model stands.
  std::function<void(const std::string& id, std::string_view stage, double fraction)> progress = {};
};

using Lease = std::shared_ptr<LiveModel>;

struct ModelStats {
  std::string id;
  engine::EngineStats engine;
};

class Fleet {
 public:
  // One of the two: the lease, or why there is none.
  using Ready = std::function<void(Lease lease, std::optional<Error> error)>;
  using Ticket = uint64_t;  // of a lease that waits
  static constexpr Ticket kAnswered = 0;

  // All slots are cold. Error kUsage when two of them go by one name.
  static std::unique_ptr<Fleet> create(std::vector<LoadSettings> slots, std::unique_ptr<Loader> loader,
                                       FleetOptions options = {});
  // Cancels what runs and what is loaded, and waits until every lease is back; no new ones meanwhile. Not
  // from a thread of a live model, nor from a Ready.
  virtual ~Fleet() = default;

  virtual std::vector<ModelCard> list() const = 0;
  // Of those that are in memory: live, or leaving.
  virtual std::vector<ModelStats> stats() const = 0;

  // By id; an empty name means the only (or first) model. Calls `ready` exactly once unless the lease is
  // withdrawn: before returning, on the caller's thread, when the model is live or there can be no lease
  // (kAnswered is returned then), otherwise on the fleet's thread once the model has come to life or failed.
  // `ready` must neither block nor throw. Errors: kNotFound lists the ids there are, kBusy when too many
  // wait, kShuttingDown, and whatever loading says.
  virtual Ticket lease(std::string_view id, Ready ready) = 0;
  // The asker has gone. True: `ready` has not been called and will not be. A model that nobody else waits for
  // is not loaded then, unless that has begun.
  virtual bool withdraw(Ticket ticket) = 0;
  // Waits for the lease; throws its error. Not on a thread that answers requests.
  Lease lease_now(std::string_view id);

  // Sees to it that the model comes to life, also right after a failure. Returns at once: list() tells.
  virtual void load(std::string_view id) = 0;
  // Sees to it that the model leaves: no new leases; running answers finish within `limit` or are cancelled.
  // Whoever waits for it is refused. Returns at once: list() tells. A lease asked for later loads it again.
  virtual void unload(std::string_view id, std::chrono::milliseconds limit) = 0;

  // The end of all slots: no new leases, nothing more is loaded; running answers finish within `limit` or are
  // cancelled. True when none was cut.
  virtual bool drain(std::chrono::milliseconds limit) = 0;
};

}  // namespace gantry::fleet
