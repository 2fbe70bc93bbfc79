// What makes room on the device moves to the host and comes back, as the engine meets it: through
// SequenceMemory.
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include "kv/sequence_memory.h"

namespace gantry::kv {
namespace {

constexpr uint32_t kPage = kPageTokens;

std::vector<TokenId> text(uint32_t number, uint32_t length) {
  std::vector<TokenId> tokens;
  for (uint32_t i = 0; i < length; ++i) tokens.push_back(static_cast<TokenId>(1000 * number + i));
  return tokens;
}

// Pages for one text of four, and for two such on the host.
MemoryLayout layout(uint32_t pages = 5, uint32_t host = 8) {
  return {.pages = pages, .slots = 2, .pages_max = 5, .host = {.pages = host}, .fetched_max = 16};
}

std::vector<Copy> step(SequenceMemory& memory, int32_t slot, const std::vector<TokenId>& tokens,
                       uint32_t positions) {
  EXPECT_EQ(memory.grow(slot, positions), positions);
  memory.begin_step();
  memory.will_write(slot, tokens, positions);
  const std::vector<Copy> copies{memory.copies_before().begin(), memory.copies_before().end()};
  memory.commit(slot, tokens, positions);
  memory.check();
  return copies;
}

// Computes all of it, with what is known already; what was copied before the first step.
std::vector<Copy> visit(SequenceMemory& memory, const std::vector<TokenId>& tokens,
                        uint32_t* gained = nullptr) {
  const int32_t slot = memory.open();
  const uint32_t known = memory.fetch(slot, tokens);
  if (gained != nullptr) *gained = known;
  memory.check();
  const auto copies = step(memory, slot, tokens, static_cast<uint32_t>(tokens.size()));
  memory.close(slot);
  memory.check();
  return copies;
}

TEST(HostTier, AnEvictedPrefixMovesAndComesBack) {
  SequenceMemory memory(layout());
  const auto a = text(1, 4 * kPage), b = text(2, 4 * kPage);
  EXPECT_TRUE(visit(memory, a).empty());
  const auto moved = visit(memory, b);
  ASSERT_EQ(moved.size(), 3u) << "one page was free";
  for (const Copy& copy : moved) {
    EXPECT_EQ(copy.from.tier, Tier::kDevice);
    EXPECT_EQ(copy.to.tier, Tier::kHost);
  }
  EXPECT_EQ(memory.kept_far(), 3u);
  uint32_t gained = 0;
  const auto back = visit(memory, a, &gained);
  EXPECT_EQ(gained, 3 * kPage) << "the last token is always computed";
  EXPECT_EQ(memory.fetched(), 2u) << "one page was on the device still";
  uint32_t from_host = 0;
  for (const Copy& copy : back) from_host += copy.from.tier == Tier::kHost ? 1u : 0u;
  EXPECT_EQ(from_host, 2u);
}

// What is read is read before its place is written: a page that comes back makes another go, in this order.
TEST(HostTier, RoomIsMadeBeforeAPageComesBack) {
  SequenceMemory memory(layout(4, 4));
  const auto a = text(1, 4 * kPage), b = text(2, 4 * kPage);
  visit(memory, a);
  visit(memory, b);
  const auto back = visit(memory, a);
  const auto is_far = [](const Place& place) { return place.tier == Tier::kHost; };
  for (size_t i = 0; i < back.size(); ++i) {
    for (const Copy& later : std::span(back).subspan(i + 1)) {
      EXPECT_FALSE(is_far(back[i].from) && later.from == back[i].to) << "what came back went away again";
      EXPECT_FALSE(is_far(back[i].from) && later.to == back[i].to) << "two came to one page";
    }
  }
}

TEST(HostTier, AdoptTakesWhatIsOnTheDeviceOnly) {
  SequenceMemory memory(layout());
  const auto a = text(1, 4 * kPage), b = text(2, 4 * kPage);
  visit(memory, a);
  visit(memory, b);
  const int32_t slot = memory.open();
  EXPECT_EQ(memory.adopt(slot, a), kPage);
  EXPECT_EQ(memory.fetched(), 0u);
  EXPECT_EQ(memory.fetch(slot, a), 2 * kPage);
  EXPECT_EQ(memory.fetched(), 2u);
  memory.close(slot);
  memory.check();
}

TEST(HostTier, AStepBringsBackSoMuchAndNoMore) {
  MemoryLayout limited = layout();
  limited.fetched_max = 1;
  SequenceMemory memory(limited);
  const auto a = text(1, 4 * kPage);
  visit(memory, a);
  visit(memory, text(2, 4 * kPage));
  const int32_t slot = memory.open();
  EXPECT_EQ(memory.fetch(slot, a), 2 * kPage);
  EXPECT_EQ(memory.fetch(slot, a), 0u);
  memory.begin_step();
  EXPECT_EQ(memory.fetch(slot, a), kPage);
  memory.check();
}

TEST(HostTier, TheOldestIsForgottenWhenItIsFull) {
  SequenceMemory memory(layout(5, 4));
  const auto a = text(1, 4 * kPage);
  visit(memory, a);
  for (uint32_t other = 2; other < 6; ++other) visit(memory, text(other, 4 * kPage));
  EXPECT_EQ(memory.kept_far(), 4u);
  uint32_t gained = 0;
  visit(memory, text(5, 4 * kPage), &gained);
  EXPECT_EQ(gained, 3 * kPage);
  visit(memory, a, &gained);
  EXPECT_EQ(gained, 0u);
}

TEST(HostTier, WhatIsComputedAgainNeedNotComeBack) {
  SequenceMemory memory(layout());
  const auto a = text(1, 4 * kPage);
  visit(memory, a);
  visit(memory, text(2, 4 * kPage));
  const int32_t slot = memory.open();
  EXPECT_EQ(memory.kept_far(), 3u);
  step(memory, slot, a, 4 * kPage);  // without looking
  EXPECT_EQ(memory.fetched(), 0u);
  memory.close(slot);
  memory.check();
  uint32_t gained = 0;
  visit(memory, a, &gained);
  EXPECT_EQ(gained, 3 * kPage);
}

TEST(HostTier, WithoutThePrefixCacheThereIsNone) {
  MemoryLayout without = layout();
  without.prefix_cache = false;
  SequenceMemory memory(without);
  visit(memory, text(1, 4 * kPage));
  EXPECT_TRUE(visit(memory, text(2, 4 * kPage)).empty());
  EXPECT_EQ(memory.kept_far(), 0u);
}

// A state goes on from where it lies; it need not come back to a checkpoint first.
TEST(HostTier, ACheckpointMovesBeforeItIsWrittenOver) {
  MemoryLayout recurrent = layout(20);
  recurrent.recurrent = true;
  recurrent.checkpoints = 1;
  recurrent.host.states = 2;
  SequenceMemory memory(recurrent);
  const auto a = text(1, 2 * kPage + 3), b = text(2, 2 * kPage + 3);
  const auto run = [&](const std::vector<TokenId>& tokens) {
    const int32_t slot = memory.open();
    std::vector<Copy> after;
    const uint32_t gained = memory.fetch(slot, tokens);
    while (memory.written(slot) < tokens.size()) {
      step(memory, slot, tokens, memory.slice_end(slot, tokens));
      after.insert(after.end(), memory.copies_after().begin(), memory.copies_after().end());
    }
    memory.close(slot);
    return std::pair(gained, after);
  };
  EXPECT_EQ(run(a).second.size(), 1u);
  const auto second = run(b).second;
  ASSERT_EQ(second.size(), 2u);
  EXPECT_EQ(second[0].to, on_host(0));
  EXPECT_EQ(second[0].from, second[1].to);
  EXPECT_EQ(run(a).first, 2 * kPage);
  EXPECT_EQ(memory.fetched(), 1u);
  EXPECT_EQ(run(b).first, 2 * kPage);
}

}  // namespace
}  // namespace gantry::kv
