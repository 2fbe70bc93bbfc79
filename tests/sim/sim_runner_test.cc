// The simulated model itself: that it would notice.
#include "tests/sim/sim_runner.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.h"

namespace gantry::sim {
namespace {

// Writes `tokens` of one sequence in slices and returns the last row's logits.
std::vector<float> run(SimRunner& runner, const std::vector<TokenId>& tokens, std::vector<PageId> table,
                       size_t slice) {
  std::vector<float> logits(runner.limits().vocab);
  table.resize(runner.limits().pages_max, kNoPage);
  for (size_t first = 0; first < tokens.size(); first += slice) {
    std::vector<TokenId> row_tokens;
    std::vector<int32_t> positions, sequences, logit_rows;
    for (size_t i = first; i < std::min(first + slice, tokens.size()); ++i) {
      row_tokens.push_back(tokens[i]);
      positions.push_back(static_cast<int32_t>(i));
      sequences.push_back(0);
    }
    if (first + slice >= tokens.size()) logit_rows.push_back(static_cast<int32_t>(row_tokens.size() - 1));
    const auto outputs = runner.step({.tokens = row_tokens,
                                      .positions = positions,
                                      .sequences = sequences,
                                      .page_tables = table,
                                      .logit_rows = logit_rows});
    if (!outputs.logits.empty()) logits.assign(outputs.logits.begin(), outputs.logits.end());
  }
  return logits;
}

std::vector<TokenId> count_to(int n) {
  std::vector<TokenId> tokens;
  for (int i = 0; i < n; ++i) tokens.push_back(i % 50);
  return tokens;
}

SimOptions options() { return {.limits = sim_limits(64, 128, 2, 64, 8)}; }

TEST(SimRunner, AnswersAsThePureModelWhateverTheSlices) {
  const auto tokens = count_to(70);
  const SimModel model{1, 64};
  uint64_t fold = SimModel::kEmpty, cell = 0;
  for (uint32_t p = 0; p < tokens.size(); ++p) {
    cell = model.cell(fold, tokens[p], p);
    fold = model.extend(fold, cell);
  }
  std::vector<float> expected(64);
  model.logits(cell, expected);
  for (const size_t slice : {1u, 7u, 32u, 64u}) {
    SimRunner runner(options());
    EXPECT_EQ(run(runner, tokens, {5, 0, 3}, slice), expected) << slice;
  }
}

TEST(SimRunner, NoticesEveryTokenAndEveryPage) {
  const auto tokens = count_to(70);
  SimRunner first(options());
  const auto expected = run(first, tokens, {5, 0, 3}, 64);
  for (size_t i = 0; i < tokens.size(); ++i) {
    auto other = tokens;
    other[i] = 60;
    SimRunner runner(options());
    EXPECT_NE(run(runner, other, {5, 0, 3}, 64), expected) << i;
  }
  // The first 64 tokens written to some pages, the rest computed with another table.
  SimRunner runner(options());
  run(runner, count_to(64), {5, 0}, 64);
  const std::vector<PageId> wrong = {5, 1, 3, kNoPage};
  const std::vector<TokenId> last = {tokens[64]};
  const std::vector<int32_t> position = {64}, zero = {0};
  const auto logits_with = [&](const std::vector<PageId>& pages) {
    const auto logits = runner
                            .step({.tokens = last,
                                   .positions = position,
                                   .sequences = zero,
                                   .page_tables = pages,
                                   .logit_rows = zero})
                            .logits;
    return std::vector<float>(logits.begin(), logits.end());
  };
  const std::vector<float> stale = logits_with(wrong);
  EXPECT_NE(stale, logits_with({5, 0, 3, kNoPage}));
}

TEST(SimRunner, FailsForGood) {
  auto failing = options();
  failing.fail_at_step = 2;
  SimRunner runner(failing);
  run(runner, count_to(3), {1}, 8);
  EXPECT_THROW(run(runner, count_to(3), {1}, 8), Error);
  EXPECT_THROW(run(runner, count_to(3), {1}, 8), Error);
}

TEST(SimRunner, SaysWhatItIsToldTo) {
  auto talking = options();
  talking.say = [](std::span<const TokenId> tokens) { return static_cast<TokenId>(tokens.size() % 64); };
  SimRunner runner(talking);
  const auto logits = run(runner, count_to(40), {2, 4}, 8);
  EXPECT_EQ(std::max_element(logits.begin(), logits.end()) - logits.begin(), 40);
}

}  // namespace
}  // namespace gantry::sim
