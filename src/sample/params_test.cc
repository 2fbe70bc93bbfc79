#include "sample/params.h"

#include <functional>
#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "base/error.h"

namespace gantry::sample {
namespace {

std::string refused_field(const std::function<void(SamplingParams&)>& change) {
  SamplingParams params;
  change(params);
  try {
    validate(params, 100);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidRequest);
    return error.where();
  }
  return "";
}

TEST(SamplingParams, DefaultsAndLimitsAreAllowed) {
  EXPECT_EQ(refused_field([](SamplingParams&) {}), "");
  EXPECT_EQ(refused_field([](SamplingParams& p) {
              p.temperature = kTemperatureMax;
              p.top_p = p.min_p = p.typical_p = 0;
              p.repetition_penalty = kRepetitionPenaltyMax;
              p.presence_penalty = -kPenaltyMax;
              p.frequency_penalty = kPenaltyMax;
              p.penalty_window = kPenaltyWindowMax;
              p.top_k = 0xffffffffu;
              p.logit_bias.assign(kLogitBiasMax, {99, 100.0f});
            }),
            "");
}

TEST(SamplingParams, OnePastALimitIsRefusedByName) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  for (const double bad : {-0.01, 2.01, nan, inf, -inf})
    EXPECT_EQ(refused_field([&](SamplingParams& p) { p.temperature = bad; }), "temperature") << bad;
  for (const double bad : {-0.01, 1.01, nan}) {
    EXPECT_EQ(refused_field([&](SamplingParams& p) { p.top_p = bad; }), "top_p");
    EXPECT_EQ(refused_field([&](SamplingParams& p) { p.min_p = bad; }), "min_p");
    EXPECT_EQ(refused_field([&](SamplingParams& p) { p.typical_p = bad; }), "typical_p");
  }
  for (const double bad : {0.0, -1.0, 100.5, nan})
    EXPECT_EQ(refused_field([&](SamplingParams& p) { p.repetition_penalty = bad; }), "repetition_penalty");
  for (const double bad : {-2.01, 2.01, nan}) {
    EXPECT_EQ(refused_field([&](SamplingParams& p) { p.presence_penalty = bad; }), "presence_penalty");
    EXPECT_EQ(refused_field([&](SamplingParams& p) { p.frequency_penalty = bad; }), "frequency_penalty");
  }
  EXPECT_EQ(refused_field([](SamplingParams& p) { p.penalty_window = kPenaltyWindowMax + 1; }),
            "penalty_window");
}

TEST(SamplingParams, BiasIsChecked) {
  EXPECT_EQ(refused_field([](SamplingParams& p) {
              p.logit_bias.assign(kLogitBiasMax + 1, {0, 0.0f});
            }),
            "logit_bias");
  for (const TokenId bad : {-1, 100})
    EXPECT_EQ(refused_field([&](SamplingParams& p) { p.logit_bias = {{bad, 1.0f}}; }), "logit_bias");
  for (const float bad : {-100.5f, 100.5f, std::numeric_limits<float>::quiet_NaN()})
    EXPECT_EQ(refused_field([&](SamplingParams& p) { p.logit_bias = {{1, bad}}; }), "logit_bias");
}

}  // namespace
}  // namespace gantry::sample
