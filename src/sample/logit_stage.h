// Something that says which tokens may come next and follows the picked ones: a grammar. Lives with one
// sequence. accept() and mask() are never called at once, but perhaps from different threads: what the answer
// has come to is told before a step, what may come next is asked while the step is computed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/ids.h"

namespace gantry::sample {

// One bit for each token, the lowest of a word first.
constexpr size_t mask_words(uint32_t vocab) { return (size_t{vocab} + 63) / 64; }

class LogitStage {
 public:
  virtual ~LogitStage() = default;
  // Clears the bits of the tokens that are forbidden; all others stay. [mask_words(vocab)]. Allocates
  // nothing.
  virtual void mask(std::span<uint64_t> allowed) = 0;
  virtual void accept(TokenId token) = 0;
};

}  // namespace gantry::sample
