// Steps of a model below the service, sequence beside sequence, with tokens that mean nothing. One thread.
#pragma once

#include <cstdint>
#include <vector>

#include "base/copies.h"
#include "base/ids.h"
#include "model/runner.h"

namespace gantry::bench {

// Of a runner with whole windows (fleet::PlanWishes) and room for `sequences` of its context each.
class Steps {
 public:
  Steps(model::Runner& runner, uint32_t sequences);

  // Tokens [from, from + count) into sequence 0, in the largest steps that the runner takes.
  void prefill(uint32_t from, uint32_t count);
  // One token at `position` into each of the first `batch` sequences.
  void decode(uint32_t position, uint32_t batch);
  // What sequence 0 remembers of its first `positions` is what the others remember, from the next step on.
  void spread(uint32_t positions);
  uint32_t rows_max() const { return runner_.limits().rows_max; }

 private:
  void begin();
  void add(uint32_t sequence, uint32_t position);
  void step();

  model::Runner& runner_;
  const uint32_t count_;
  std::vector<PageId> pages_;  // sequence s owns [s * pages_max, (s + 1) * pages_max)
  std::vector<Copy> copies_;   // that the next step makes first
  std::vector<TokenId> tokens_;
  std::vector<int32_t> positions_, sequences_, wanted_;
};

}  // namespace gantry::bench
