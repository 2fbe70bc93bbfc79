// What a request may say about how the next token is picked. Plain data; checked at the door by validate().
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "base/ids.h"

namespace gantry::sample {

inline constexpr uint32_t kTopLogprobsMax = 20;
inline constexpr uint32_t kLogitBiasMax = 1024;
inline constexpr uint32_t kStopTokensMax = 1024;  // that end an answer
inline constexpr uint32_t kPenaltyWindowMax = 1u << 20;
inline constexpr double kTemperatureMax = 2;
inline constexpr double kTemperatureMin = 1e-6;  // below this the pick is greedy
inline constexpr double kPenaltyMax = 2;         // presence and frequency, either sign
inline constexpr double kRepetitionPenaltyMin = 0.01, kRepetitionPenaltyMax = 100;
inline constexpr double kLogitBiasLimit = 100;  // either sign

// In this order: logit bias, what a logit stage (a grammar) forbids, penalties, temperature, top-k, typical,
// top-p, min-p, pick.
struct SamplingParams {
  double temperature = 1;  // 0: greedy, the first of the largest logits
  uint32_t top_k = 0;      // 0: off
  double top_p = 1;        // 1: off. Holtzman et al., "The curious case of neural text degeneration", 2020
  double min_p = 0;        // 0: off. Nguyen et al., "Turning up the heat", 2024
  double typical_p = 1;    // 1: off. Meister et al., "Locally typical sampling", 2023
  double repetition_penalty = 1;  // 1: off. Keskar et al., "CTRL", 2019; over prompt and answer
  double presence_penalty = 0;    // OpenAI's: over the answer's tokens
  double frequency_penalty = 0;
  uint32_t penalty_window = 0;  // how many last tokens the penalties see; 0: all
  std::vector<std::pair<TokenId, float>> logit_bias;
  uint64_t seed = 0;
  bool operator==(const SamplingParams&) const = default;
};

// Error kInvalidRequest naming the field, and its range.
void validate(const SamplingParams& params, uint32_t vocab);

}  // namespace gantry::sample
