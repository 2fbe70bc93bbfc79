// Windows, statistics, and what is made of logits that are known.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <gtest/gtest.h>

#include "base/error.h"
#include "evaluate/perplexity.h"
#include "evaluate/statistics.h"

namespace gantry::evaluate {
namespace {

TEST(Windows, TheSecondHalfIsScored) {
  const Cut cut = cut_windows(1100, 512, false);
  EXPECT_EQ(cut.windows, 2u);
  EXPECT_EQ(cut.first_scored, 257u);  // the first after the half
  EXPECT_EQ(cut.scored(), 2u * 255u);
  EXPECT_EQ(cut_windows(1100, 512, true).scored(), 2u * 511u);
  EXPECT_EQ(cut_windows(1100, 512, false, 1).windows, 1u);
  EXPECT_EQ(cut_windows(1100, 512, false, 9).windows, 2u);
  EXPECT_EQ(cut_windows(7, 3, false).first_scored, 2u);
  EXPECT_EQ(cut_windows(7, 2, false).first_scored, 1u);
}

TEST(Windows, WhatCannotBeMeasuredIsRefused) {
  EXPECT_THROW(cut_windows(511, 512, false), Error);
  EXPECT_THROW(cut_windows(0, 512, true), Error);
  EXPECT_THROW(cut_windows(100, 1, true), Error);
  EXPECT_THROW(cut_windows(100, 0, true), Error);
}

TEST(Windows, EachBeginsWithBos) {
  std::vector<TokenId> tokens(10);
  std::iota(tokens.begin(), tokens.end(), 100);
  const Cut cut = cut_windows(tokens.size(), 4, true);
  EXPECT_EQ(window_of(tokens, cut, 0, 1), (std::vector<TokenId>{1, 101, 102, 103}));
  EXPECT_EQ(window_of(tokens, cut, 1, 1), (std::vector<TokenId>{1, 105, 106, 107}));
  EXPECT_EQ(window_of(tokens, cut, 1, kNoToken), (std::vector<TokenId>{104, 105, 106, 107}));
}

TEST(Statistics, OfKnownNumbers) {
  Sample sample;
  for (const double value : {4.0, 1.0, 3.0, 2.0}) sample.add(value);
  EXPECT_DOUBLE_EQ(sample.mean(), 2.5);
  EXPECT_DOUBLE_EQ(sample.standard_error(), std::sqrt(5.0 / 3 / 4));
  EXPECT_DOUBLE_EQ(sample.quantile(0.5), 2.5);
  EXPECT_DOUBLE_EQ(sample.quantile(0), 1);
  EXPECT_DOUBLE_EQ(sample.quantile(1), 4);
  EXPECT_DOUBLE_EQ(sample.greatest(), 4);
  Sample one;
  one.add(7);
  EXPECT_EQ(one.standard_error(), 0);
  EXPECT_EQ(one.quantile(0.99), 7);
}

// Its logits are a function of token and position, and it says where it is asked for what it should not be.
class FakeProbe final : public fleet::Probe {
 public:
  using Function = std::function<float(TokenId token, uint32_t position, uint32_t entry)>;
  FakeProbe(uint32_t vocab, uint32_t slice, Function logit)
      : vocab_(vocab), slice_(slice), logit_(std::move(logit)) {}
  uint32_t vocab() const override { return vocab_; }
  uint32_t context() const override { return 64; }
  uint32_t slice() const override { return slice_; }
  std::unique_ptr<tokenizer::Tokenizer> read_tokenizer() const override { return nullptr; }
  std::span<float> compute(std::span<const TokenId> tokens, uint32_t first, uint32_t wanted_from) override {
    EXPECT_LE(tokens.size(), slice_);
    EXPECT_TRUE(first == 0 || first == next_) << first;
    next_ = first + static_cast<uint32_t>(tokens.size());
    logits_.clear();
    for (size_t i = 0; i < tokens.size(); ++i)
      if (first + i >= wanted_from)
        for (uint32_t entry = 0; entry < vocab_; ++entry)
          logits_.push_back(logit_(tokens[i], first + static_cast<uint32_t>(i), entry));
    return logits_;
  }

 private:
  uint32_t vocab_, slice_, next_ = 0;
  Function logit_;
  std::vector<float> logits_;
};

std::vector<TokenId> some_tokens(size_t count, uint32_t vocab) {
  std::vector<TokenId> out(count);
  for (size_t i = 0; i < count; ++i) out[i] = static_cast<TokenId>((i * 7 + i * i) % vocab);
  return out;
}

TEST(Measure, WhoKnowsNothingHasThePerplexityOfTheVocabulary) {
  FakeProbe probe(50, 16, [](TokenId, uint32_t, uint32_t) { return 3.0f; });
  const auto tokens = some_tokens(130, 50);
  const Report report = measure(probe, nullptr, tokens, cut_windows(tokens.size(), 32, false), kNoToken);
  EXPECT_NEAR(report.perplexity.value, 50, 1e-9);
  EXPECT_NEAR(report.perplexity.error, 0, 1e-9);
  EXPECT_EQ(report.losses.size(), 4u * 15u);
  EXPECT_FALSE(report.divergence.has_value());
}

float uneven(TokenId token, uint32_t position, uint32_t entry) {
  return static_cast<float>((static_cast<uint32_t>(token) * 31 + position * 17 + entry * entry * 13) % 23) *
         0.25f;
}

// The same sums done again, plainly.
TEST(Measure, LossesAndDivergencesAreTheFormulas) {
  constexpr uint32_t kVocab = 37;
  const auto other = [](TokenId token, uint32_t position, uint32_t entry) {
    return uneven(token, position, entry) + (entry % 3 == 0 ? 0.5f : 0.0f);
  };
  const auto tokens = some_tokens(70, kVocab);
  const Cut cut = cut_windows(tokens.size(), 30, false);
  for (const uint32_t slice : {1u, 7u, 30u, 64u}) {
    FakeProbe model(kVocab, slice, uneven), truth(kVocab, 11, other);
    const Report report = measure(model, &truth, tokens, cut, 5);
    std::vector<double> losses, divergences;
    size_t same = 0;
    for (uint32_t window = 0; window < 2; ++window) {
      for (uint32_t at = 15; at + 1 < 30; ++at) {
        const TokenId token = tokens[window * 30 + at], next = tokens[window * 30 + at + 1];
        double q_sum = 0, p_sum = 0, divergence = 0;
        uint32_t q_first = 0, p_first = 0;
        for (uint32_t e = 0; e < kVocab; ++e) {
          q_sum += std::exp(double{uneven(token, at, e)});
          p_sum += std::exp(double{other(token, at, e)});
          if (uneven(token, at, e) > uneven(token, at, q_first)) q_first = e;
          if (other(token, at, e) > other(token, at, p_first)) p_first = e;
        }
        for (uint32_t e = 0; e < kVocab; ++e) {
          const double p = std::exp(double{other(token, at, e)}) / p_sum;
          divergence += p * std::log(p / (std::exp(double{uneven(token, at, e)}) / q_sum));
        }
        losses.push_back(std::log(q_sum) - double{uneven(token, at, static_cast<uint32_t>(next))});
        divergences.push_back(divergence);
        same += q_first == p_first ? 1 : 0;
      }
    }
    ASSERT_EQ(report.losses.size(), losses.size());
    for (size_t i = 0; i < losses.size(); ++i) EXPECT_NEAR(report.losses[i], losses[i], 1e-9) << i;
    const double mean =
        std::accumulate(losses.begin(), losses.end(), 0.0) / static_cast<double>(losses.size());
    EXPECT_NEAR(report.perplexity.value, std::exp(mean), 1e-8);
    ASSERT_TRUE(report.divergence.has_value());
    const double all = std::accumulate(divergences.begin(), divergences.end(), 0.0);
    EXPECT_NEAR(report.divergence->mean, all / static_cast<double>(divergences.size()), 1e-9);
    EXPECT_NEAR(report.divergence->greatest, *std::max_element(divergences.begin(), divergences.end()), 1e-9);
    EXPECT_NEAR(report.divergence->same_first, static_cast<double>(same) / static_cast<double>(losses.size()),
                1e-12);
    EXPECT_NEAR(report.divergence->loss_more, report.perplexity.loss - report.divergence->truth.loss, 1e-9);
    EXPECT_GT(report.divergence->mean, 0);
  }
}

TEST(Measure, AModelIsNotFarFromItself) {
  FakeProbe model(37, 8, uneven), same(37, 16, uneven);
  const auto tokens = some_tokens(70, 37);
  const Report report = measure(model, &same, tokens, cut_windows(70, 30, true), kNoToken);
  EXPECT_NEAR(report.divergence->greatest, 0, 1e-12);
  EXPECT_EQ(report.divergence->same_first, 1);
  EXPECT_EQ(report.divergence->loss_more, 0);
}

TEST(Measure, WhatIsNoNumberIsAnError) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    FakeProbe model(10, 8, [bad](TokenId, uint32_t position, uint32_t entry) {
      return position == 20 && entry == 3 ? bad : 0.0f;
    });
    const auto tokens = some_tokens(30, 10);
    EXPECT_THROW(measure(model, nullptr, tokens, cut_windows(30, 30, false), kNoToken), Error);
    EXPECT_NO_THROW(measure(model, nullptr, tokens, cut_windows(30, 15, true), kNoToken));
  }
}

TEST(Measure, ModelsThatDoNotFitAreRefused) {
  FakeProbe model(10, 8, uneven), other(11, 8, uneven);
  const auto tokens = some_tokens(130, 10);
  EXPECT_THROW(measure(model, &other, tokens, cut_windows(130, 30, false), kNoToken), Error);
  EXPECT_THROW(measure(model, nullptr, tokens, cut_windows(130, 65, false), kNoToken), Error);
}

}  // namespace
}  // namespace gantry::evaluate
