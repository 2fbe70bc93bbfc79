#include "kv/sequence_memory.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "kv/testing.h"

namespace gantry::kv {
namespace {

MemoryLayout layout(uint32_t pages, bool prefix_cache = true) {
  return {.pages = pages, .slots = 3, .pages_max = 8, .prefix_cache = prefix_cache};
}

std::vector<PageId> table(const SequenceMemory& memory, int32_t slot) {
  const auto row = memory.tables().subspan(static_cast<size_t>(slot) * 8, 8);
  return {row.begin(), std::find(row.begin(), row.end(), kNoPage)};
}

// A slot that holds all of these tokens but the last.
int32_t fill(SequenceMemory& memory, const std::vector<TokenId>& tokens) {
  const int32_t slot = memory.open();
  const auto positions = static_cast<uint32_t>(tokens.size() - 1);
  memory.adopt(slot, tokens);
  EXPECT_EQ(memory.grow(slot, positions), positions);
  memory.commit(slot, tokens, positions);
  memory.check();
  return slot;
}

TEST(SequenceMemory, GrowsByPagesUntilThereAreNone) {
  SequenceMemory memory(layout(3));
  const int32_t a = memory.open(), b = memory.open();
  EXPECT_EQ(memory.grow(a, 1), 1u);
  EXPECT_EQ(memory.held(a), 1u);
  EXPECT_EQ(memory.grow(a, kPage), kPage);
  EXPECT_EQ(memory.held(a), 1u);
  EXPECT_EQ(memory.grow(a, kPage + 1), kPage + 1);
  EXPECT_EQ(memory.grow(b, 2 * kPage), kPage);  // one page was left
  EXPECT_EQ(memory.grow(b, 2 * kPage), kPage);
  EXPECT_EQ(memory.available(), 0u);
  memory.check();
  memory.close(a);
  EXPECT_EQ(memory.grow(b, 2 * kPage), 2 * kPage);
  EXPECT_EQ(memory.available(), 1u);
  memory.close(b);
  EXPECT_EQ(memory.free(), 3u);
  memory.check();
}

TEST(SequenceMemory, SlotsAreLimited) {
  SequenceMemory memory(layout(3));
  const int32_t a = memory.open();
  EXPECT_GE(memory.open(), 0);
  EXPECT_GE(memory.open(), 0);
  EXPECT_LT(memory.open(), 0);
  memory.close(a);
  EXPECT_EQ(memory.open(), a);
}

TEST(SequenceMemory, AdoptsWhatAnEndedSequenceLeftButNeverTheLastToken) {
  SequenceMemory memory(layout(8));
  const auto tokens = tokens_of(3 * kPage + 5);
  const int32_t first = fill(memory, tokens);
  const auto pages = table(memory, first);
  memory.close(first);
  EXPECT_EQ(memory.kept(), 3u);
  EXPECT_EQ(memory.available(), 8u);

  struct Case {
    uint32_t length, gained;
  };
  for (const auto& [length, gained] : {Case{kPage, 0}, Case{kPage + 1, kPage}, Case{2 * kPage, kPage},
                                       Case{3 * kPage, 2 * kPage}, Case{3 * kPage + 1, 3 * kPage}}) {
    const int32_t slot = memory.open();
    EXPECT_EQ(memory.adopt(slot, tokens_of(length)), gained) << length;
    EXPECT_EQ(memory.written(slot), gained);
    EXPECT_TRUE(std::equal(pages.begin(), pages.begin() + gained / kPage, table(memory, slot).begin()));
    memory.check();
    memory.close(slot);
  }
  const int32_t slot = memory.open();
  auto other = tokens;
  other[kPage + 3] = 9999;
  EXPECT_EQ(memory.adopt(slot, other), kPage);  // the first page only
}

TEST(SequenceMemory, TwinsEndUpInTheSamePages) {
  SequenceMemory memory(layout(8));
  const auto tokens = tokens_of(2 * kPage + 2);
  const int32_t a = memory.open(), b = memory.open();
  for (const int32_t slot : {a, b}) memory.grow(slot, 2 * kPage + 1);
  EXPECT_EQ(memory.free(), 2u);
  EXPECT_EQ(memory.next_page_key(a, tokens), memory.next_page_key(b, tokens));
  memory.commit(a, tokens, 2 * kPage + 1);
  memory.commit(b, tokens, 2 * kPage + 1);  // had computed the same pages at the same time
  memory.check();
  EXPECT_EQ(memory.free(), 4u);
  EXPECT_EQ(table(memory, a)[0], table(memory, b)[0]);
  EXPECT_EQ(table(memory, a)[1], table(memory, b)[1]);
  EXPECT_NE(table(memory, a)[2], table(memory, b)[2]);  // not full: each writes its own
  memory.close(a);
  memory.check();
  EXPECT_EQ(memory.kept(), 0u);  // b still holds them
  memory.close(b);
  EXPECT_EQ(memory.kept(), 2u);
}

TEST(SequenceMemory, AdoptsInTheMiddleAtAPagesEdge) {
  SequenceMemory memory(layout(8));
  const auto tokens = tokens_of(3 * kPage);
  const int32_t late = memory.open();
  memory.grow(late, kPage);
  memory.commit(late, tokens, kPage);
  const int32_t early = fill(memory, tokens);
  EXPECT_EQ(memory.held(early), 3u);
  EXPECT_EQ(memory.adopt(late, tokens), kPage);  // the third page lacks its last token
  EXPECT_EQ(memory.written(late), 2 * kPage);
  memory.check();
  memory.grow(late, 2 * kPage + 1);
  memory.commit(late, tokens, 2 * kPage + 1);
  EXPECT_EQ(memory.adopt(late, tokens), 0u);  // between edges
}

TEST(SequenceMemory, KeptPagesMakeRoomOldestFirstEndsBeforeBeginnings) {
  SequenceMemory memory(layout(4));
  const auto old_tokens = tokens_of(2 * kPage + 1, 0), new_tokens = tokens_of(2 * kPage + 1, 500);
  memory.close(fill(memory, old_tokens));
  memory.close(fill(memory, new_tokens));
  EXPECT_EQ(memory.kept(), 4u);
  const int32_t slot = memory.open();
  memory.grow(slot, kPage);  // takes the end of the old one
  memory.check();
  const int32_t probe = memory.open();
  EXPECT_EQ(memory.adopt(probe, old_tokens), kPage);
  memory.close(probe);
  const int32_t other = memory.open();
  EXPECT_EQ(memory.adopt(other, new_tokens), 2 * kPage);
  memory.check();
}

TEST(SequenceMemory, WithoutACacheNothingIsSharedOrKept) {
  SequenceMemory memory(layout(8, false));
  const auto tokens = tokens_of(2 * kPage + 1);
  const int32_t a = fill(memory, tokens), b = fill(memory, tokens);
  EXPECT_EQ(memory.free(), 4u);
  EXPECT_EQ(memory.next_page_key(a, tokens), 0u);
  memory.close(a);
  memory.close(b);
  EXPECT_EQ(memory.free(), 8u);
  memory.check();
}

TEST(SequenceMemory, NothingToShareWhereTokensDoNotFillThePage) {
  SequenceMemory memory(layout(8));
  const int32_t slot = memory.open();
  EXPECT_EQ(memory.next_page_key(slot, tokens_of(kPage - 1)), 0u);
  EXPECT_NE(memory.next_page_key(slot, tokens_of(kPage)), 0u);
}

}  // namespace
}  // namespace gantry::kv
