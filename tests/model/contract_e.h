// Contract E of a model's logits: which of slices, threads and instruction sets changes a bit.
#pragma once

#include <string>
#include <vector>

#include "tests/model/fixture.h"

namespace gantry::testing {

// "holds", or what differs from `want`, the logits of `tokens` in one slice.
inline std::string contract_e(fleet::LoadSettings settings, const std::vector<TokenId>& tokens,
                              const std::vector<float>& want) {
  for (const uint32_t slice : {1u, 7u}) {
    if (!same_bits(logits_of(settings, tokens, slice), want))
      return "differs with slices of " + std::to_string(slice);
  }
  for (const std::string& isa : usable_isas()) {
    settings.isa = isa;
    if (!same_bits(logits_of(settings, tokens), want)) return "differs on " + isa;
  }
  settings.threads = 3;
  if (!same_bits(logits_of(settings, tokens), want)) return "differs with 3 threads";
  return "holds";
}

}  // namespace gantry::testing
