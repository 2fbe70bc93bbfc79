#include "model/picker.h"

#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "base/rng.h"

namespace gantry::model {
namespace {

constexpr uint32_t kVocab = 300;

// Allows only tokens of one remainder.
class EveryThird final : public sample::LogitStage {
 public:
  explicit EveryThird(size_t rest) : rest_(rest) {}
  void mask(std::span<uint64_t> allowed) override {
    for (size_t token = 0; token < kVocab; ++token)
      if (token % 3 != rest_) allowed[token / 64] &= ~(uint64_t{1} << (token % 64));
  }
  void accept(TokenId) override {}

 private:
  const size_t rest_;
};

struct Rows {
  explicit Rows(size_t count) : params(count), logits(count * kVocab) {
    for (size_t i = 0; i < logits.size(); ++i) logits[i] = static_cast<float>(uniform_at(1, i) * 8);
    for (size_t i = 0; i < count; ++i) {
      params[i].temperature = i % 3 == 0 ? 0 : 1;
      params[i].top_k = i % 4 == 1 ? 7 : 0;
      params[i].seed = i;
      if (i % 5 == 2) stages.push_back(std::make_unique<EveryThird>(i % 3));
      rows.push_back({.row = static_cast<int32_t>(i),
                      .params = &params[i],
                      .tokens = tokens,
                      .prompt_tokens = 2,
                      .stage = i % 5 == 2 ? stages.back().get() : nullptr,
                      .logprobs = i % 2 == 0,
                      .top_logprobs = static_cast<uint32_t>(i % 4)});
    }
  }
  std::vector<sample::Pick> pick(uint32_t threads) const {
    Picker picker(kVocab, static_cast<uint32_t>(rows.size()), threads);
    auto scratch = logits;
    const auto picks = picker.pick(rows, scratch);
    return {picks.begin(), picks.end()};
  }

  const std::vector<TokenId> tokens = {3, 4, 5};
  std::vector<sample::SamplingParams> params;
  std::vector<float> logits;
  std::vector<std::unique_ptr<EveryThird>> stages;
  std::vector<PickRow> rows;
};

TEST(Picker, TheNumberOfThreadsCannotBeSeen) {
  const Rows rows(33);
  const auto alone = rows.pick(1);
  for (const uint32_t threads : {2u, 3u, 8u}) {
    const auto picks = rows.pick(threads);
    ASSERT_EQ(picks.size(), alone.size());
    for (size_t i = 0; i < picks.size(); ++i) {
      EXPECT_EQ(picks[i].token, alone[i].token);
      EXPECT_EQ(picks[i].logprob, alone[i].logprob);
      EXPECT_EQ(picks[i].top_count, alone[i].top_count);
    }
  }
}

TEST(Picker, PicksAsASamplerWould) {
  const Rows rows(33);
  const auto picks = rows.pick(2);
  sample::Sampler sampler(kVocab);
  for (size_t i = 0; i < picks.size(); ++i) {
    std::vector<float> logits(rows.logits.begin() + static_cast<std::ptrdiff_t>(i * kVocab),
                              rows.logits.begin() + static_cast<std::ptrdiff_t>((i + 1) * kVocab));
    std::vector<uint64_t> allowed(sample::mask_words(kVocab), ~uint64_t{0});
    const PickRow& row = rows.rows[i];
    if (row.stage != nullptr) row.stage->mask(allowed);
    const auto expected = sampler.pick(logits, {.params = row.params,
                                                .tokens = row.tokens,
                                                .prompt_tokens = row.prompt_tokens,
                                                .allowed = allowed,
                                                .logprobs = row.logprobs,
                                                .top_logprobs = row.top_logprobs});
    EXPECT_EQ(picks[i].token, expected.token) << i;
    if (row.stage == nullptr) continue;
    EXPECT_EQ(picks[i].token % 3, static_cast<TokenId>(i % 3));
  }
}

TEST(Picker, NoRowsNoPicks) { EXPECT_TRUE(Rows(0).rows.empty() && Picker(4, 1, 2).pick({}, {}).empty()); }

}  // namespace
}  // namespace gantry::model
