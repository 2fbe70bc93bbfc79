// Recurrent states, as the engine meets them: through SequenceMemory.
#include "kv/state_memory.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "kv/sequence_memory.h"
#include "kv/testing.h"

namespace gantry::kv {
namespace {

constexpr uint32_t kSlots = 2;

MemoryLayout layout(uint32_t checkpoints, uint32_t pages = 64) {
  return {.pages = pages, .slots = kSlots, .pages_max = 64, .recurrent = true, .checkpoints = checkpoints};
}

// One step that writes up to `positions`; says what was copied.
struct Copies {
  std::vector<Copy> restores, saves;
};
Copies write(SequenceMemory& memory, int32_t slot, const std::vector<TokenId>& tokens, uint32_t positions) {
  EXPECT_EQ(memory.grow(slot, positions), positions);
  memory.begin_step();
  memory.will_write(slot, tokens, positions);
  Copies copies{{memory.copies_before().begin(), memory.copies_before().end()},
                {memory.copies_after().begin(), memory.copies_after().end()}};
  memory.commit(slot, tokens, positions);
  memory.check();
  return copies;
}

// All of the tokens in slices that end where memory wants them to.
void write_all(SequenceMemory& memory, int32_t slot, const std::vector<TokenId>& tokens) {
  while (memory.written(slot) < tokens.size()) write(memory, slot, tokens, memory.slice_end(slot, tokens));
}

TEST(StateMemory, TheNextPromptGoesOnFromTheLastBorder) {
  SequenceMemory memory(layout(4));
  const auto tokens = tokens_of(3 * kPage + 5);
  const int32_t first = memory.open();
  EXPECT_EQ(memory.slice_end(first, tokens), 3 * kPage);
  const Copies border = write(memory, first, tokens, 3 * kPage);
  ASSERT_EQ(border.saves.size(), 1u);
  EXPECT_EQ(border.saves[0].from.index, static_cast<StateId>(first));
  EXPECT_GE(border.saves[0].to.index, kSlots);
  EXPECT_EQ(memory.slice_end(first, tokens), tokens.size());
  EXPECT_TRUE(write(memory, first, tokens, 3 * kPage + 5).saves.empty());

  const int32_t second = memory.open();
  auto longer = tokens;
  longer.resize(4 * kPage, 7);
  EXPECT_EQ(memory.adopt(second, longer), 3 * kPage);
  const Copies start = write(memory, second, longer, 3 * kPage + 1);
  ASSERT_EQ(start.restores.size(), 1u);
  EXPECT_EQ(start.restores[0], state_copy(border.saves[0].to.index, static_cast<StateId>(second)));
  EXPECT_TRUE(write(memory, second, longer, 3 * kPage + 2).restores.empty()) << "once is enough";
}

TEST(StateMemory, KnownPagesWithoutACheckpointAreOfNoUse) {
  SequenceMemory memory(layout(4));
  const auto tokens = tokens_of(3 * kPage + 5);
  const int32_t first = memory.open();
  write_all(memory, first, tokens);
  const int32_t second = memory.open();
  const auto beginning = tokens_of(2 * kPage + 5);
  EXPECT_EQ(memory.adopt(second, beginning), 0u);
  EXPECT_EQ(memory.held(second), 0u);
  memory.check();
  write_all(memory, second, beginning);
  // Written again, then found to be there already.
  EXPECT_TRUE(std::equal(memory.tables().begin(), memory.tables().begin() + 2, memory.tables().begin() + 64));
  EXPECT_EQ(memory.checkpoints(), 2u);
}

TEST(StateMemory, LongPromptsAreCheckpointedOnTheirWay) {
  SequenceMemory memory(layout(16));
  const auto tokens = tokens_of(20 * kPage + 5);
  const int32_t slot = memory.open();
  std::vector<uint32_t> ends;
  while (memory.written(slot) < tokens.size()) {
    ends.push_back(memory.slice_end(slot, tokens));
    write(memory, slot, tokens, ends.back());
  }
  EXPECT_EQ(ends, (std::vector<uint32_t>{8 * kPage, 16 * kPage, 20 * kPage, 20 * kPage + 5}));
  auto other = tokens;
  other[10 * kPage] = 9999;
  const int32_t second = memory.open();
  EXPECT_EQ(memory.adopt(second, other), 8 * kPage);
}

TEST(StateMemory, FewCheckpointsAreNotSpentOnOnePrompt) {
  SequenceMemory memory(layout(3));
  const auto tokens = tokens_of(40 * kPage + 5);
  const int32_t slot = memory.open();
  EXPECT_EQ(memory.slice_end(slot, tokens), 40 * kPage);
}

TEST(StateMemory, OneCheckpointFollowsTheAnswer) {
  SequenceMemory memory(layout(4));
  auto tokens = tokens_of(kPage + 5);
  const int32_t slot = memory.open();
  write_all(memory, slot, tokens);
  EXPECT_EQ(memory.checkpoints(), 1u);
  StateId follower = kNoState;
  while (tokens.size() < 5 * kPage) {
    tokens.push_back(1);
    const Copies step = write(memory, slot, tokens, static_cast<uint32_t>(tokens.size()));
    ASSERT_EQ(step.saves.size(), tokens.size() % kPage == 0 ? 1u : 0u);
    if (step.saves.empty()) continue;
    EXPECT_TRUE(follower == kNoState || follower == step.saves[0].to.index);
    follower = step.saves[0].to.index;
  }
  EXPECT_EQ(memory.checkpoints(), 2u);
  memory.close(slot);
  tokens.push_back(2);
  EXPECT_EQ(memory.adopt(memory.open(), tokens), 5 * kPage);
}

TEST(StateMemory, WhatAnotherTookOverStaysWhenTheAnswerGoesOn) {
  SequenceMemory memory(layout(4));
  auto tokens = tokens_of(kPage);
  const int32_t slot = memory.open();
  write_all(memory, slot, tokens);
  tokens.push_back(1);
  const int32_t second = memory.open();
  ASSERT_EQ(memory.adopt(second, tokens), kPage);
  memory.close(second);
  while (tokens.size() < 2 * kPage) tokens.push_back(1);
  for (uint32_t end = kPage + 1; end <= 2 * kPage; ++end)
    write(memory, slot, std::vector(tokens.begin(), tokens.begin() + end), end);
  EXPECT_EQ(memory.checkpoints(), 2u);
}

TEST(StateMemory, APageTakesItsCheckpointWithIt) {
  SequenceMemory memory(layout(4, 3));
  const int32_t slot = memory.open();
  write_all(memory, slot, tokens_of(2 * kPage + 1));
  memory.close(slot);
  EXPECT_EQ(memory.checkpoints(), 1u);
  const int32_t other = memory.open();
  auto tokens = tokens_of(3 * kPage);
  tokens[0] = 5;
  memory.grow(other, 3 * kPage);
  EXPECT_EQ(memory.checkpoints(), 0u);
  memory.check();
}

TEST(StateMemory, ACheckpointMayBeWrittenOverInTheStepThatReadsIt) {
  SequenceMemory memory(layout(1));
  const int32_t first = memory.open();
  const auto tokens = tokens_of(kPage + 5);
  write_all(memory, first, tokens);
  const StateId checkpoint = kSlots;
  const int32_t second = memory.open();
  ASSERT_EQ(memory.adopt(second, tokens), kPage);
  // The first goes on to where a checkpoint is due, the second has no rows yet.
  auto longer = tokens;
  longer.resize(2 * kPage + 1, 3);
  const Copies step = write(memory, first, longer, 2 * kPage);
  ASSERT_EQ(step.restores.size(), 1u);
  EXPECT_EQ(step.restores[0], state_copy(checkpoint, static_cast<StateId>(second)));
  ASSERT_EQ(step.saves.size(), 1u);
  EXPECT_EQ(step.saves[0].to.index, checkpoint);
}

TEST(StateMemory, WithoutCheckpointsNothingIsShared) {
  SequenceMemory memory(layout(0));
  const auto tokens = tokens_of(2 * kPage + 5);
  const int32_t slot = memory.open();
  EXPECT_EQ(memory.slice_end(slot, tokens), tokens.size());
  EXPECT_EQ(memory.next_page_key(slot, tokens), 0u);
  write_all(memory, slot, tokens);
  EXPECT_EQ(memory.adopt(memory.open(), tokens), 0u);
}

}  // namespace
}  // namespace gantry::kv
