// Something that changes a row of logits before the pick and follows the picked tokens: a grammar, a token
// mask. Lives with one sequence, on the engine's thread; allocates nothing after construction.
#pragma once

#include <memory>
#include <span>

#include "base/ids.h"

namespace gantry::sample {

class LogitStage {
 public:
  virtual ~LogitStage() = default;
  virtual void apply(std::span<float> logits) = 0;  // -inf forbids a token
  virtual void accept(TokenId token) = 0;
};

}  // namespace gantry::sample
