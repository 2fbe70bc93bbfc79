// The copies that travel with a batch, as operations of its stream: a page is copied as the parts that the
// layers of its pool have of it, a state in one piece. In the host's memory a page's parts stand one after
// the other.
#pragma once

#include <span>
#include <vector>

#include "arch/blueprint.h"
#include "base/copies.h"
#include "device/device.h"
#include "model/loaded_model.h"
#include "model/runner.h"

namespace gantry::model {

// How many of `what` a tier of the runner has; 0 for a tier that it does not have.
uint32_t places(const RunnerLimits& limits, Tier tier, Kept what, uint32_t pool);
// Both ends are there: the caller's promise.
void check_copies(const RunnerLimits& limits, std::span<const Copy> copies);

// The model outlives it. Allocates nothing after construction. One thread at a time.
class Copier {
 public:
  Copier(const arch::Blueprint& blueprint, const LoadedModel& model);
  // In the order given: a later copy reads what an earlier one wrote.
  void run(device::Stream& stream, std::span<const Copy> copies) const;

 private:
  // One layer's pages, and where its part of a page begins on the host.
  struct Part {
    device::Buffer pages;
    uint64_t page_bytes = 0, offset = 0;
  };
  struct Pool {
    std::vector<Part> parts;
    uint64_t page_bytes = 0;  // of all parts
  };

  device::Buffer state(const Place& place) const;

  const LoadedModel& model_;
  std::vector<Pool> pools_;  // the main pool, then that of each window
};

}  // namespace gantry::model
