// Contract E over copies: a sequence that was forked, and one that went back, says what it says when it is
// computed from its tokens alone, bit for bit, for pages, windows and states. Memory starts poisoned.
#include <algorithm>

#include <gtest/gtest.h>

#include "base/rng.h"
#include "kv/sequence_memory.h"
#include "tests/model/asking.h"

namespace gantry {
namespace {

using testing::Live;

constexpr uint32_t kSlots = 3;

// Sequence memory and a model, without an engine between them.
class Bench {
 public:
  Bench(model::Runner& runner, bool prefix_cache) : runner_(runner), memory_(layout(runner, prefix_cache)) {}

  kv::SequenceMemory& memory() { return memory_; }

  // Computes the sequence's tokens up to `end`; the logits of the last.
  std::vector<float> write(int32_t slot, const std::vector<TokenId>& tokens, uint32_t end) {
    std::vector<float> logits(runner_.limits().vocab);
    while (memory_.written(slot) < end) {
      const uint32_t begin = memory_.written(slot);
      const uint32_t next =
          std::min({end, memory_.slice_end(slot, tokens), begin + runner_.limits().rows_max});
      EXPECT_EQ(memory_.grow(slot, next), next);
      memory_.begin_step();
      memory_.will_write(slot, tokens, next);
      std::vector<int32_t> positions, slots(next - begin, slot),
          last = {static_cast<int32_t>(next - begin) - 1};
      for (uint32_t p = begin; p < next; ++p) positions.push_back(static_cast<int32_t>(p));
      model::Batch batch{.tokens = std::span(tokens).subspan(begin, next - begin),
                         .positions = positions,
                         .sequences = slots,
                         .page_tables = memory_.tables(),
                         .logit_rows = last};
      batch.copies_before = memory_.copies_before();
      batch.copies_after = memory_.copies_after();
      batch.window_tables = memory_.window_tables();
      const auto given = runner_.step(batch).logits;
      logits.assign(given.begin(), given.end());
      memory_.commit(slot, tokens, next);
      memory_.check();
    }
    return logits;
  }

 private:
  static kv::MemoryLayout layout(model::Runner& runner, bool prefix_cache) {
    const model::RunnerLimits& limits = runner.limits();
    kv::MemoryLayout layout{.pages = limits.pages,
                            .slots = kSlots,
                            .pages_max = limits.pages_max,
                            .prefix_cache = prefix_cache,
                            .recurrent = limits.recurrent,
                            .checkpoints = limits.recurrent ? limits.checkpoints : 0};
    for (const auto& [window, pages] : limits.windows) layout.windows.push_back({window, pages});
    return layout;
  }

  model::Runner& runner_;
  kv::SequenceMemory memory_;
};

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
    Bench bench(*live.runner, false);
    return bench.write(bench.memory().open(), tokens, end);
  }

  fleet::LoadSettings settings_;
  std::vector<TokenId> text_;
};

TEST_P(Forked, EachGoesOnAsIfAlone) {
  for (const bool prefix_cache : {true, false}) {
    const Live live = testing::make_live(settings_);
    Bench bench(*live.runner, prefix_cache);
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
  Bench bench(*live.runner, true);
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
