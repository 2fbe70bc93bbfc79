// Picks the tokens of a step's rows, several rows at once. Each pick is a function of its row alone (contract
// E4), so the number of threads cannot be seen in the result.
//
// Owns a sampler for each thread, all allocated at construction; picking allocates nothing. One caller at a
// time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/runner.h"
#include "os/thread_pool.h"
#include "sample/sampler.h"

namespace gantry::model {

class Picker {
 public:
  // `threads` counts the caller.
  Picker(uint32_t vocab, uint32_t picks_max, uint32_t threads);

  // logits: [rows, vocab], changed. Holds until the next call.
  std::span<const sample::Pick> pick(std::span<const PickRow> rows, std::span<float> logits);

 private:
  struct Hand {
    explicit Hand(uint32_t vocab) : sampler(vocab), allowed(sample::mask_words(vocab)) {}
    sample::Sampler sampler;
    std::vector<uint64_t> allowed;
  };
  static sample::Pick pick_one(Hand& hand, const PickRow& row, std::span<float> logits);

  const uint32_t vocab_;
  os::ThreadPool threads_;
  std::vector<Hand> hands_;
  std::vector<sample::Pick> picks_;
};

}  // namespace gantry::model
