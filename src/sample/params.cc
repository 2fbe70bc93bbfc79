#include "sample/params.h"

#include <fmt/format.h>

#include "base/error.h"

namespace gantry::sample {
namespace {

// Written so that NaN is out of range.
void in_range(const char* field, double value, double low, double high) {
  if (value >= low && value <= high) return;
  throw Error(ErrorCode::kInvalidRequest, fmt::format("must be from {} to {}, is {}", low, high, value),
              field);
}

}  // namespace

void validate(const SamplingParams& params, uint32_t vocab) {
  in_range("temperature", params.temperature, 0, kTemperatureMax);
  in_range("top_p", params.top_p, 0, 1);
  in_range("min_p", params.min_p, 0, 1);
  in_range("typical_p", params.typical_p, 0, 1);
  in_range("repetition_penalty", params.repetition_penalty, kRepetitionPenaltyMin, kRepetitionPenaltyMax);
  in_range("presence_penalty", params.presence_penalty, -kPenaltyMax, kPenaltyMax);
  in_range("frequency_penalty", params.frequency_penalty, -kPenaltyMax, kPenaltyMax);
  in_range("penalty_window", params.penalty_window, 0, kPenaltyWindowMax);
  if (params.logit_bias.size() > kLogitBiasMax)
    throw Error(ErrorCode::kInvalidRequest,
                fmt::format("{} entries, at most {} are allowed", params.logit_bias.size(), kLogitBiasMax),
                "logit_bias");
  for (const auto& [token, bias] : params.logit_bias) {
    if (token < 0 || static_cast<uint32_t>(token) >= vocab)
      throw Error(ErrorCode::kInvalidRequest,
                  fmt::format("there is no token {}, the vocabulary has {}", token, vocab), "logit_bias");
    in_range("logit_bias", double{bias}, -kLogitBiasLimit, kLogitBiasLimit);
  }
}

}  // namespace gantry::sample
