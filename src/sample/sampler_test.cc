#include "sample/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "base/rng.h"
#include "sample/softmax.h"

namespace gantry::sample {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::vector<float> random_logits(size_t count, uint64_t seed, double spread = 6) {
  std::vector<float> logits(count);
  for (size_t i = 0; i < count; ++i) logits[i] = static_cast<float>(uniform_at(seed, i) * spread);
  return logits;
}

Pick pick(const std::vector<float>& logits, const SamplingParams& params, std::vector<TokenId> tokens = {0},
          size_t prompt_tokens = 1, uint32_t top_logprobs = 0) {
  Sampler sampler(static_cast<uint32_t>(logits.size()));
  auto row = logits;
  return sampler.pick(row, {.params = &params,
                            .tokens = tokens,
                            .prompt_tokens = prompt_tokens,
                            .allowed = {},
                            .logprobs = true,
                            .top_logprobs = top_logprobs});
}

// The stages as their papers put them, by sorting everything: probability of each token, 0 where it is cut.
std::vector<double> by_the_book(const std::vector<float>& logits, const SamplingParams& params) {
  std::vector<size_t> order(logits.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto by_logit = [&](size_t a, size_t b) {
    return logits[a] != logits[b] ? logits[a] > logits[b] : a < b;
  };
  std::sort(order.begin(), order.end(), by_logit);
  std::vector<double> p(logits.size());
  const auto normalize = [&] {
    double sum = 0;
    for (const size_t i : order) sum += p[i];
    for (const size_t i : order) p[i] /= sum;
  };
  const auto cut_to = [&](size_t count) {
    for (size_t n = count; n < order.size(); ++n) p[order[n]] = 0;
    order.resize(std::min(count, order.size()));
    normalize();
  };
  const auto cut_at_mass = [&](double mass) {
    double sum = 0;
    size_t count = 0;
    while (count < order.size() && (sum < mass || count == 0)) sum += p[order[count++]];
    cut_to(count);
  };
  for (const size_t i : order)
    p[i] = std::exp((double{logits[i]} - double{logits[order[0]]}) / params.temperature);
  normalize();
  if (params.top_k > 0) cut_to(params.top_k);
  if (params.typical_p < 1) {
    double entropy = 0;
    for (const size_t i : order)
      if (p[i] > 0) entropy -= p[i] * std::log(p[i]);
    const auto q = p;
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      const double x = std::abs(-std::log(q[a]) - entropy), y = std::abs(-std::log(q[b]) - entropy);
      return x != y ? x < y : a < b;
    });
    cut_at_mass(params.typical_p);
    std::sort(order.begin(), order.end(), by_logit);
  }
  if (params.top_p < 1) cut_at_mass(params.top_p);
  if (params.min_p > 0) {
    size_t count = 0;
    while (count < order.size() && p[order[count]] >= params.min_p * p[order[0]]) ++count;
    cut_to(count);
  }
  return p;
}

// Picks at many positions; every token must come up as often as its probability says, within 5 sigma.
void expect_by_the_book(const std::vector<float>& logits, const SamplingParams& params) {
  const auto expected = by_the_book(logits, params);
  constexpr int kDraws = 20000;
  std::vector<int> drawn(logits.size());
  Sampler sampler(static_cast<uint32_t>(logits.size()));
  std::vector<TokenId> tokens;
  for (int n = 0; n < kDraws; ++n) {
    auto row = logits;
    tokens.push_back(0);
    const Pick got = sampler.pick(row, {.params = &params,
                                        .tokens = tokens,
                                        .prompt_tokens = 1,
                                        .allowed = {},
                                        .logprobs = false,
                                        .top_logprobs = 0});
    ++drawn[static_cast<size_t>(got.token)];
  }
  for (size_t i = 0; i < expected.size(); ++i) {
    const double mean = kDraws * expected[i], sigma = std::sqrt(mean * (1 - expected[i]));
    ASSERT_NEAR(drawn[i], mean, 5 * sigma + (mean > 0 ? 3 : 0)) << "token " << i;
  }
}

TEST(Sampler, EveryMixOfStagesPicksByTheBook) {
  for (const uint32_t top_k : {0u, 1u, 7u, 40u})
    for (const double typical : {1.0, 0.6})
      for (const double top_p : {1.0, 0.7, 0.0})
        for (const double min_p : {0.0, 0.2}) {
          SamplingParams params;
          params.temperature = 0.8;
          params.top_k = top_k;
          params.typical_p = typical;
          params.top_p = top_p;
          params.min_p = min_p;
          params.seed = top_k * 100 + static_cast<uint64_t>(typical * 10 + top_p * 20 + min_p * 30);
          SCOPED_TRACE(::testing::Message() << "top_k " << top_k << " typical " << typical << " top_p "
                                            << top_p << " min_p " << min_p);
          expect_by_the_book(random_logits(100, 17), params);
          if (::testing::Test::HasFailure()) return;
        }
}

// Flat and large: the candidates lie far below the top, in many buckets.
TEST(Sampler, LargeVocabulariesAreCutByTheBook) {
  for (const double spread : {0.5, 12.0, 40.0})
    for (const bool typical : {false, true}) {
      const auto logits = random_logits(20000, 3, spread);
      SamplingParams params;
      params.temperature = 1.5;
      (typical ? params.typical_p : params.top_p) = 0.5;
      const auto expected = by_the_book(logits, params);
      const auto kept = std::count_if(expected.begin(), expected.end(), [](double p) { return p > 0; });
      std::set<TokenId> drawn;
      for (uint64_t seed = 0; seed < 300; ++seed) {
        params.seed = seed;
        const TokenId token = pick(logits, params).token;
        ASSERT_GT(expected[static_cast<size_t>(token)], 0) << spread;
        drawn.insert(token);
      }
      EXPECT_GT(drawn.size(), static_cast<size_t>(std::min<std::ptrdiff_t>(kept, 300) / 4)) << spread;
    }
}

TEST(Sampler, GreedyTakesTheFirstOfTheLargest) {
  SamplingParams params;
  params.temperature = 0;
  for (const size_t count : {1u, 64u, 1000u})
    for (const size_t at : {size_t{0}, count / 3, count - 1}) {
      std::vector<float> logits(count, -1);
      logits[at] = logits[count - 1] = 2;
      if (at > 0) logits[at - 1] = kNan;
      EXPECT_EQ(pick(logits, params).token, static_cast<TokenId>(at));
    }
  params.temperature = kTemperatureMin / 2;
  EXPECT_EQ(pick({1, 3, 2}, params).token, 1);
}

TEST(Sampler, EqualLogitsAreTakenByTokenId) {
  SamplingParams params;
  params.top_k = 3;
  const std::vector<float> logits(500, 1);
  for (uint64_t seed = 0; seed < 50; ++seed) {
    params.seed = seed;
    EXPECT_LT(pick(logits, params).token, 3);
  }
  params.top_k = 0;
  params.top_p = 0.01;  // of 500 equals: the first five
  for (uint64_t seed = 0; seed < 50; ++seed) {
    params.seed = seed;
    EXPECT_LT(pick(logits, params).token, 5);
  }
}

TEST(Sampler, DependsOnSeedAndPositionOnly) {
  const auto logits = random_logits(300, 5);
  for (const double top_p : {1.0, 0.9}) {
    SamplingParams params;
    params.top_p = top_p;
    params.seed = 42;
    Sampler used(300);
    std::vector<TokenId> tokens;
    std::set<TokenId> seen;
    for (int n = 0; n < 200; ++n) {
      tokens.push_back(1);
      auto row = logits;
      const Pick again = used.pick(row, {.params = &params,
                                         .tokens = tokens,
                                         .prompt_tokens = 1,
                                         .allowed = {},
                                         .logprobs = false,
                                         .top_logprobs = 0});
      EXPECT_EQ(again.token, pick(logits, params, std::vector<TokenId>(tokens.size(), 7)).token);
      use_widest_vectors(false);
      EXPECT_EQ(again.token, pick(logits, params, tokens).token);
      use_widest_vectors(true);
      seen.insert(again.token);
    }
    EXPECT_GT(seen.size(), 20u);
  }
}

// The random number belongs to the index of the token that is picked (contract E4).
TEST(Sampler, TheNumberIsThatOfTheTokensPosition) {
  SamplingParams params;
  params.seed = 5;
  for (size_t position = 1; position < 100; ++position) {
    const TokenId expected = uniform_at(5, position) < 0.5 ? 0 : 1;
    EXPECT_EQ(pick({1, 1}, params, std::vector<TokenId>(position, 0)).token, expected) << position;
  }
}

TEST(Sampler, WhatIsForbiddenIsNeverPicked) {
  std::vector<float> logits(200, -kInf);
  logits[70] = logits[150] = 1;
  logits[71] = kNan;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    SamplingParams params;
    params.seed = seed;
    if (seed % 4 == 1) params.top_p = 0.999999;
    if (seed % 4 == 2) params.top_k = 50;
    if (seed % 4 == 3) params.typical_p = 0.999999;
    const TokenId token = pick(logits, params).token;
    EXPECT_TRUE(token == 70 || token == 150) << token;
  }
}

TEST(Sampler, BadLogitsAreReportedNotPicked) {
  SamplingParams params;
  for (const double temperature : {0.0, 1.0}) {
    params.temperature = temperature;
    const Pick bad = pick({kNan, -kInf, kNan}, params);
    EXPECT_EQ(bad.token, kNoToken);
    EXPECT_EQ(bad.problem, PickProblem::kNoFiniteLogits);
    EXPECT_EQ(pick({kNan, -3e38f, kNan}, params).token, 1);
    EXPECT_EQ(pick({0, kInf, 1}, params).token, 1);
  }
}

TEST(Sampler, AMaskForbidsAndMayForbidAll) {
  SamplingParams params;
  Sampler sampler(70);
  const std::vector<TokenId> tokens = {0};
  std::vector<float> row(70, 9);
  row[2] = row[69] = 0;
  std::vector<uint64_t> allowed = {uint64_t{1} << 2, 0};
  PickRequest request{.params = &params,
                      .tokens = tokens,
                      .prompt_tokens = 1,
                      .allowed = allowed,
                      .logprobs = true,
                      .top_logprobs = 1};
  const std::vector<float> before = row;
  const Pick only = sampler.pick(row, request);
  EXPECT_EQ(only.token, 2);
  EXPECT_EQ(only.top[0].token, 0);  // logprobs are the model's, before anything is forbidden
  EXPECT_LT(only.logprob, -9);
  allowed = {0, uint64_t{1} << 5};  // the last word is a short one
  row = before;
  EXPECT_EQ(sampler.pick(row, request).token, 69);
  allowed = {0, 0};
  row = before;
  EXPECT_EQ(sampler.pick(row, request).problem, PickProblem::kNoneAllowed);
}

TEST(Sampler, PenaltiesSeeTheTokensTheyShould) {
  SamplingParams greedy;
  greedy.temperature = 0;
  const std::vector<TokenId> tokens = {0, 0, 1, 1, 2};  // three of the prompt, two of the answer
  const auto chosen = [&](SamplingParams params, std::vector<float> logits) {
    return pick(logits, params, tokens, 3).token;
  };
  auto params = greedy;
  params.presence_penalty = 1;  // 1 and 2 lose one each, whatever their number
  EXPECT_EQ(chosen(params, {2, 2.9f, 2.9f, 1}), 0);
  EXPECT_EQ(chosen(params, {2, 3.1f, 0, 1}), 1);
  params = greedy;
  params.frequency_penalty = 0.5;
  EXPECT_EQ(chosen(params, {1, 1.4f, 1.4f, 0}), 0);
  EXPECT_EQ(chosen(params, {1, 1.6f, 0, 0}), 1);
  params = greedy;
  params.repetition_penalty = 2;  // prompt and answer; negative logits are multiplied
  EXPECT_EQ(chosen(params, {3, 3, 3, 1.6f}), 3);
  EXPECT_EQ(chosen(params, {3, 3.4f, 3, 1.6f}), 1);
  EXPECT_EQ(chosen(params, {-1, -1, -1, -1.9f}), 3);
  params.penalty_window = 1;  // only the last token, 2
  EXPECT_EQ(chosen(params, {1, 2, 3, 0}), 1);
}

TEST(Sampler, FrequencyCountsAndScratchIsCleanAfterwards) {
  SamplingParams params;
  params.temperature = 0;
  params.frequency_penalty = 0.5;
  Sampler sampler(3);
  const std::vector<TokenId> often = {0, 1, 1, 1}, once = {0, 1};
  PickRequest request{.params = &params,
                      .tokens = often,
                      .prompt_tokens = 1,
                      .allowed = {},
                      .logprobs = false,
                      .top_logprobs = 0};
  std::vector<float> row = {1, 2.4f, 0};
  EXPECT_EQ(sampler.pick(row, request).token, 0);  // 2.4 - 3 * 0.5 < 1
  request.tokens = once;
  row = {1, 2.4f, 0};
  EXPECT_EQ(sampler.pick(row, request).token, 1);  // 2.4 - 0.5
}

TEST(Sampler, BiasMovesTheChoice) {
  SamplingParams params;
  params.temperature = 0;
  params.logit_bias = {{2, 5.0f}, {0, -100.0f}};
  EXPECT_EQ(pick({9, 1, 1, 5}, params).token, 2);
}

TEST(Sampler, LogprobsAreTheModelsOwn) {
  auto logits = random_logits(1000, 8, 20);
  logits[3] = kNan;
  logits[500] = 19.5f;
  logits[400] = 19.5f;
  double sum = 0;
  for (const float x : logits) sum += x == x ? std::exp(double{x}) : 0;
  SamplingParams params;
  params.temperature = 1.7;
  params.logit_bias = {{7, 30.0f}};
  params.top_k = 5;
  const Pick got = pick(logits, params, {0}, 1, kTopLogprobsMax);
  EXPECT_NEAR(got.logprob, double{logits[static_cast<size_t>(got.token)]} - std::log(sum), 1e-5);
  std::vector<TokenId> order(1000);
  std::iota(order.begin(), order.end(), 0);
  logits[3] = -kInf;
  std::stable_sort(order.begin(), order.end(), [&](TokenId a, TokenId b) {
    return logits[static_cast<size_t>(a)] > logits[static_cast<size_t>(b)];
  });
  ASSERT_EQ(got.top_count, kTopLogprobsMax);
  for (size_t i = 0; i < kTopLogprobsMax; ++i) {
    EXPECT_EQ(got.top[i].token, order[i]);
    EXPECT_NEAR(got.top[i].logprob, double{logits[static_cast<size_t>(order[i])]} - std::log(sum), 1e-5);
  }
  EXPECT_EQ(pick({1, -kInf, 2}, {}, {0}, 1, 20).top_count, 2u);  // what cannot be is not listed
}

}  // namespace
}  // namespace gantry::sample
