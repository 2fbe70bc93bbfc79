// A model opened to be looked at: the logits of positions of one sequence, without an engine. The same
// forward pass that serves (contract E1). One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "fleet/live_model.h"
#include "tokenizer/tokenizer.h"

namespace gantry::fleet {

class Probe {
 public:
  // settings.sequences is taken for 1. Errors as load_model. Needs no vocabulary in the file.
  static std::unique_ptr<Probe> open(const DevicePool& pool, const LoadSettings& settings,
                                     const Progress& progress = {});
  virtual ~Probe() = default;

  virtual uint32_t vocab() const = 0;
  virtual uint32_t context() const = 0;  // positions
  virtual uint32_t slice() const = 0;    // tokens that one compute() takes at most
  // Error where the file has none that this build can use.
  virtual std::unique_ptr<tokenizer::Tokenizer> read_tokenizer() const = 0;

  // Puts `tokens` (1 to slice() of them) at positions [first, first + tokens.size()); those below `first`
  // have been computed by the calls before, since one with first = 0. Logits [positions from max(first,
  // wanted_from) on, vocab], valid until the next call. Error kTooLarge beyond the context, kInvalidRequest
  // for an id outside the vocabulary.
  virtual std::span<float> compute(std::span<const TokenId> tokens, uint32_t first, uint32_t wanted_from) = 0;
};

}  // namespace gantry::fleet
