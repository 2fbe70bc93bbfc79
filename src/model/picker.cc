#include "model/picker.h"

#include <algorithm>

#include "base/check.h"

namespace gantry::model {

Picker::Picker(uint32_t vocab, uint32_t picks_max, uint32_t threads)
    : vocab_(vocab), threads_(std::min(threads, picks_max)), picks_(picks_max) {
  for (uint32_t i = 0; i < threads_.threads(); ++i) hands_.emplace_back(vocab);
}

std::span<const sample::Pick> Picker::pick(std::span<const PickRow> rows, std::span<float> logits) {
  GANTRY_CHECK_LE(rows.size(), picks_.size());
  GANTRY_CHECK_EQ(logits.size(), rows.size() * vocab_);
  threads_.parallel_for(static_cast<uint32_t>(rows.size()), [&](uint32_t i, uint32_t thread) {
    picks_[i] = pick_one(hands_[thread], rows[i], logits.subspan(size_t{i} * vocab_, vocab_));
  });
  return std::span(picks_).first(rows.size());
}

sample::Pick Picker::pick_one(Hand& hand, const PickRow& row, std::span<float> logits) {
  if (row.stage != nullptr) {
    std::fill(hand.allowed.begin(), hand.allowed.end(), ~uint64_t{0});
    row.stage->mask(hand.allowed);
  }
  return hand.sampler.pick(logits, {.params = row.params,
                                    .tokens = row.tokens,
                                    .prompt_tokens = row.prompt_tokens,
                                    .allowed = row.stage != nullptr ? std::span<const uint64_t>(hand.allowed)
                                                                    : std::span<const uint64_t>(),
                                    .logprobs = row.logprobs,
                                    .top_logprobs = row.top_logprobs});
}

}  // namespace gantry::model
