// Sequence memory and a model, without an engine between them: each step is what a test says.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "kv/sequence_memory.h"
#include "model/runner.h"

namespace gantry::testing {

class Bench {
 public:
  Bench(model::Runner& runner, uint32_t slots, bool prefix_cache)
      : runner_(runner), memory_(layout(runner, slots, prefix_cache)) {}

  kv::SequenceMemory& memory() { return memory_; }

  // A slot's tokens up to `end`, from where it stands.
  struct Slice {
    int32_t slot = 0;
    const std::vector<TokenId>* tokens = nullptr;
    uint32_t end = 0;
  };
  // One step of them all, and the logits of the last row of each. `picks`: their next tokens too, each with
  // this stage (none: without one).
  std::vector<float> step(const std::vector<Slice>& slices, bool picks = false,
                          sample::LogitStage* stage = nullptr) {
    std::vector<TokenId> tokens;
    std::vector<int32_t> positions, slots, last;
    std::vector<model::PickRow> picked;
    const sample::SamplingParams params;
    memory_.begin_step();
    for (const Slice& s : slices) {
      EXPECT_EQ(memory_.grow(s.slot, s.end), s.end);
      for (uint32_t p = memory_.written(s.slot); p < s.end; ++p) {
        tokens.push_back((*s.tokens)[p]);
        positions.push_back(static_cast<int32_t>(p));
        slots.push_back(s.slot);
      }
      last.push_back(static_cast<int32_t>(tokens.size()) - 1);
      if (picks)
        picked.push_back({.row = last.back(),
                          .params = &params,
                          .tokens = std::span(*s.tokens).first(s.end),
                          .prompt_tokens = s.end,
                          .stage = stage});
    }
    for (const Slice& s : slices) memory_.will_write(s.slot, *s.tokens, s.end);
    const auto given = runner_
                           .step({.tokens = tokens,
                                  .positions = positions,
                                  .sequences = slots,
                                  .page_tables = memory_.tables(),
                                  .picks = picked,
                                  .logit_rows = picks ? std::span<const int32_t>() : last,
                                  .copies_before = memory_.copies_before(),
                                  .copies_after = memory_.copies_after(),
                                  .window_tables = memory_.window_tables()})
                           .logits;
    for (const Slice& s : slices) memory_.commit(s.slot, *s.tokens, s.end);
    memory_.check();
    return {given.begin(), given.end()};
  }

  // Computes the sequence's tokens up to `end`; the logits of the last.
  std::vector<float> write(int32_t slot, const std::vector<TokenId>& tokens, uint32_t end) {
    std::vector<float> logits;
    while (memory_.written(slot) < end)
      logits = step({{slot, &tokens,
                      std::min({end, memory_.slice_end(slot, tokens),
                                memory_.written(slot) + runner_.limits().rows_max})}});
    return logits;
  }

 private:
  static kv::MemoryLayout layout(model::Runner& runner, uint32_t slots, bool prefix_cache) {
    const model::RunnerLimits& limits = runner.limits();
    kv::MemoryLayout layout{.pages = limits.pages,
                            .slots = slots,
                            .pages_max = limits.pages_max,
                            .prefix_cache = prefix_cache,
                            .recurrent = limits.recurrent,
                            .checkpoints = limits.recurrent ? limits.checkpoints : 0};
    for (const auto& [window, pages] : limits.windows) layout.windows.push_back({window, pages});
    return layout;
  }

  model::Runner& runner_;
  kv::SequenceMemory memory_;
};

}  // namespace gantry::testing
