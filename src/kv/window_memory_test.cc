// Windows that forget, as the engine meets them: through SequenceMemory.
#include "kv/window_memory.h"

#include <vector>

#include <gtest/gtest.h>

#include "kv/sequence_memory.h"
#include "kv/testing.h"

namespace gantry::kv {
namespace {

constexpr uint32_t kSlots = 2, kPagesMax = 32, kRows = 2 * kPage;

SequenceMemory memory_of(uint32_t window, uint32_t spare = 0, bool prefix_cache = true) {
  return SequenceMemory({.pages = 100,
                         .slots = kSlots,
                         .pages_max = kPagesMax,
                         .prefix_cache = prefix_cache,
                         .windows = {{window, kSlots * window_share(window, kRows) + spare}}});
}

// The pages that the slot holds of its window, by number in the sequence.
std::vector<uint32_t> held(const SequenceMemory& memory, int32_t slot) {
  std::vector<uint32_t> places;
  for (uint32_t i = 0; i < kPagesMax; ++i)
    if (memory.window_tables()[static_cast<uint32_t>(slot) * kPagesMax + i] != kNoPage) places.push_back(i);
  return places;
}

void write(SequenceMemory& memory, int32_t slot, const std::vector<TokenId>& tokens, uint32_t positions) {
  while (memory.written(slot) < positions) {
    const uint32_t end = std::min(positions, memory.written(slot) + kRows);
    ASSERT_EQ(memory.grow(slot, end), end);
    memory.begin_step();
    memory.will_write(slot, tokens, end);
    memory.commit(slot, tokens, end);
    memory.check();
  }
}

TEST(WindowMemory, HoldsWhatTheNextRowSees) {
  struct Case {
    uint32_t window, written;
    std::vector<uint32_t> held;
  };
  for (const auto& [window, written, places] :
       {Case{kPage, 3, {0}}, Case{kPage, 2 * kPage, {1}}, Case{kPage + 1, 2 * kPage, {1}},
        Case{kPage + 2, 2 * kPage, {0, 1}}, Case{1, 2 * kPage + 5, {2}}, Case{kPage, 3 * kPage + 1, {2, 3}},
        Case{1000, 3 * kPage + 1, {0, 1, 2, 3}}}) {
    SequenceMemory memory = memory_of(window);
    const int32_t slot = memory.open();
    write(memory, slot, tokens_of(500), written);
    EXPECT_EQ(held(memory, slot), places) << window << " " << written;
    EXPECT_EQ(memory.held(slot), pages_for(written)) << "the names of the prefix stay";
  }
}

TEST(WindowMemory, ALongSequenceNeedsNoMoreThanItsShare) {
  SequenceMemory memory = memory_of(40);
  const int32_t a = memory.open(), b = memory.open();
  auto other = tokens_of(1000);
  other[0] = 7;
  for (uint32_t end = 1; end <= 900; end += 29) {
    write(memory, a, tokens_of(1000), end);
    write(memory, b, other, end);
  }
}

TEST(WindowMemory, APrefixIsOfUseWhileTheEndOfItIsThere) {
  SequenceMemory memory = memory_of(40, 20);
  const auto tokens = tokens_of(8 * kPage);
  const int32_t first = memory.open();
  write(memory, first, tokens, 6 * kPage + 3);
  const int32_t second = memory.open();
  EXPECT_EQ(memory.adopt(second, tokens), 6 * kPage);
  EXPECT_EQ(held(memory, second), (std::vector<uint32_t>{4, 5}));
  memory.check();
  write(memory, second, tokens, 7 * kPage);
  memory.close(second);
  memory.close(first);
  memory.check();
}

// The pool has nothing to spare: another sequence takes the kept pages, the oldest first, and of the prefix
// only what is covered by the rest is of use.
TEST(WindowMemory, KeptPagesGiveWay) {
  SequenceMemory memory = memory_of(kPage);
  const auto tokens = tokens_of(10 * kPage);
  const int32_t first = memory.open();
  write(memory, first, tokens, 9 * kPage);
  memory.close(first);
  const int32_t second = memory.open();
  auto other = tokens;
  other[0] = 9;
  write(memory, second, other, 9 * kPage);
  memory.close(second);
  const int32_t third = memory.open();
  const uint32_t gained = memory.adopt(third, other);
  EXPECT_EQ(gained, 9 * kPage);
  memory.close(third);
  EXPECT_EQ(memory.adopt(memory.open(), tokens), 0u) << "the names are there, the window's pages are not";
  memory.check();
}

TEST(WindowMemory, TwinsEndUpInTheSamePages) {
  SequenceMemory memory = memory_of(2 * kPage);
  const auto tokens = tokens_of(3 * kPage);
  const int32_t a = memory.open(), b = memory.open();
  for (const int32_t slot : {a, b}) memory.grow(slot, 2 * kPage);
  for (const int32_t slot : {a, b}) memory.commit(slot, tokens, 2 * kPage);
  memory.check();
  EXPECT_EQ(memory.window_tables()[1], memory.window_tables()[kPagesMax + 1]);
}

TEST(WindowMemory, WithoutACacheNothingIsKept) {
  SequenceMemory memory = memory_of(40, 0, false);
  const int32_t slot = memory.open();
  write(memory, slot, tokens_of(500), 400);
  EXPECT_EQ(held(memory, slot).size(), 2u);
  memory.close(slot);
  memory.check();
}

}  // namespace
}  // namespace gantry::kv
