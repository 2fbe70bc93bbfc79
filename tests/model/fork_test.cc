// Contract E over copies: a sequence that was forked, and one that went back, says what it says when it is
// computed from its tokens alone, bit for bit, for pages, windows and states. Memory starts poisoned.
#include <algorithm>

#include <gtest/gtest.h>

#include "base/rng.h"
#include "tests/model/asking.h"
#include "tests/model/bench.h"

namespace gantry {
namespace {

using testing::Bench;
using testing::Live;

constexpr uint32_t kSlots = 3;

class Forked : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string path = "conformance/logits/" + std::string(GetParam()) + ".gguf";
    GANTRY_NEED_SHARED(path);
    settings_.model_path = testing::shared_path(path);
    settings_.sequences = kSlots;
    settings_.checkpoints = 8;
    settings_.step_rows = 64;
    const Live probe = testing::make_live(settings_);
    for (uint64_t at = 0; at < 110; ++at)
      text_.push_back(static_cast<TokenId>(uniform_at(7, at, 3) * probe.runner->limits().vocab));
  }

  // The first `same` tokens of the text, then others.
  std::vector<TokenId> branch(size_t same, uint64_t seed) const {
    std::vector<TokenId> tokens = text_;
    for (size_t at = same; at < tokens.size(); ++at)
      tokens[at] = tokens[static_cast<size_t>(uniform_at(seed, at, 3) * static_cast<double>(same))];
    return tokens;
  }

  std::vector<float> alone(const std::vector<TokenId>& tokens, uint32_t end) const {
    const Live live = testing::make_live(settings_);
    Bench bench(*live.runner, kSlots, false);
    return bench.write(bench.memory().open(), tokens, end);
  }

  fleet::LoadSettings settings_;
  std::vector<TokenId> text_;
};

TEST_P(Forked, EachGoesOnAsIfAlone) {
  for (const bool prefix_cache : {true, false}) {
    const Live live = testing::make_live(settings_);
    Bench bench(*live.runner, kSlots, prefix_cache);
    for (const uint32_t at : {64u, 77u}) {  // at a page border, between two
      const auto b_tokens = branch(at, 1), c_tokens = branch(at, 2);
      const int32_t a = bench.memory().open();
      bench.write(a, text_, at);
      const int32_t b = bench.memory().fork(a), c = bench.memory().fork(b);
      ASSERT_TRUE(b >= 0 && c >= 0);
      bench.memory().close(b);
      EXPECT_TRUE(testing::same_bits(bench.write(c, c_tokens, at + 1), alone(c_tokens, at + 1)));
      EXPECT_TRUE(testing::same_bits(bench.write(a, text_, 109), alone(text_, 109)));
      const int32_t d = bench.memory().fork(c);
      EXPECT_TRUE(testing::same_bits(bench.write(c, c_tokens, 109), alone(c_tokens, 109)));
      std::vector<TokenId> d_tokens = b_tokens;
      d_tokens[at] = c_tokens[at];
      EXPECT_TRUE(testing::same_bits(bench.write(d, d_tokens, 109), alone(d_tokens, 109)));
      for (const int32_t slot : {a, c, d}) bench.memory().close(slot);
    }
  }
}

TEST_P(Forked, WentBackAndOn) {
  const Live live = testing::make_live(settings_);
  Bench bench(*live.runner, kSlots, true);
  const int32_t a = bench.memory().open();
  bench.write(a, text_, 98);
  uint32_t possible = 0;
  for (const uint32_t to : {97u, 90u, 64u, 40u, 32u, 0u}) {
    if (!bench.memory().can_roll_back(a, to)) continue;
    ++possible;
    ASSERT_EQ(bench.memory().rollback(a, to), to);
    const auto tokens = branch(std::max(to, 1u), 100 + to);
    EXPECT_TRUE(testing::same_bits(bench.write(a, tokens, 98), alone(tokens, 98))) << to;
  }
  EXPECT_GE(possible, live.runner->limits().recurrent ? 1u : 2u);
}

INSTANTIATE_TEST_SUITE_P(Families, Forked,
                         ::testing::Values("llama", "mamba2", "lfm2", "qwen35", "gemma3", "deepseek2"),
                         [](const auto& family) { return std::string(family.param); });

}  // namespace
}  // namespace gantry
