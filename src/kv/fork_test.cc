// Forks, rollbacks and roots, as the engine meets them: through SequenceMemory.
#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/page_records.h"
#include "base/windows.h"
#include "kv/sequence_memory.h"
#include "kv/testing.h"

namespace gantry::kv {
namespace {

constexpr uint32_t kPagesMax = 16, kRows = 2 * kPage;

MemoryLayout layout(uint32_t pages = 32, uint32_t slots = 3) {
  return {.pages = pages, .slots = slots, .pages_max = kPagesMax};
}

MemoryLayout windowed(uint32_t window) {
  MemoryLayout with = layout();
  with.windows = {{window, with.slots * window_share(window, kRows)}};
  return with;
}

MemoryLayout recurrent(uint32_t checkpoints) {
  MemoryLayout with = layout();
  with.recurrent = true;
  with.checkpoints = checkpoints;
  return with;
}

PageId page(const SequenceMemory& memory, int32_t slot, uint32_t i) {
  return memory.tables()[static_cast<size_t>(slot) * kPagesMax + i];
}
PageId window_page(const SequenceMemory& memory, int32_t slot, uint32_t i) {
  return memory.window_tables()[static_cast<size_t>(slot) * kPagesMax + i];
}

// Steps up to `positions`; the copies before the rows of the first of them.
std::vector<Copy> write(SequenceMemory& memory, int32_t slot, const std::vector<TokenId>& tokens,
                        uint32_t positions) {
  std::vector<Copy> copies;
  bool first = true;
  while (memory.written(slot) < positions) {
    const uint32_t end = std::min({positions, memory.written(slot) + kRows, memory.slice_end(slot, tokens)});
    EXPECT_EQ(memory.grow(slot, end), end);
    memory.begin_step();
    if (first) copies.assign(memory.copies_before().begin(), memory.copies_before().end());
    first = false;
    memory.will_write(slot, tokens, end);
    memory.commit(slot, tokens, end);
    memory.check();
  }
  return copies;
}

Copy page_copy(PageId from, PageId to) {
  return {Kept::kPage, 0, {Tier::kDevice, from}, {Tier::kDevice, to}};
}

TEST(Fork, SharesFullPagesAndCopiesTheLast) {
  for (const bool cache : {true, false}) {
    MemoryLayout with = layout();
    with.prefix_cache = cache;
    SequenceMemory memory(with);
    const auto tokens = tokens_of(200);
    const int32_t a = memory.open();
    write(memory, a, tokens, 2 * kPage + 5);
    const int32_t b = memory.fork(a);
    ASSERT_GE(b, 0);
    memory.check();
    EXPECT_EQ(memory.written(b), 2 * kPage + 5);
    EXPECT_EQ(memory.held(b), 3u);
    for (const uint32_t i : {0u, 1u}) EXPECT_EQ(page(memory, a, i), page(memory, b, i));
    EXPECT_NE(page(memory, a, 2), page(memory, b, 2));
    EXPECT_EQ(memory.free(), 28u);
    const PageId from = page(memory, a, 2), to = page(memory, b, 2);
    EXPECT_EQ(write(memory, a, tokens, 2 * kPage + 6), (std::vector<Copy>{page_copy(from, to)}))
        << "also when the fork has no rows yet";
    memory.close(a);
    auto other = tokens;
    other[2 * kPage + 5] = 999;
    EXPECT_TRUE(write(memory, b, other, 4 * kPage).empty()) << "once is enough";
    memory.close(b);
    EXPECT_EQ(memory.available(), 32u);
    memory.check();
  }
}

TEST(Fork, AtAPageBorderNothingIsCopied) {
  SequenceMemory memory(layout());
  const auto tokens = tokens_of(200);
  const int32_t a = memory.open();
  write(memory, a, tokens, 2 * kPage);
  const int32_t b = memory.fork(a), c = memory.fork(b);
  EXPECT_EQ(memory.held(c), 2u);
  EXPECT_EQ(memory.fork(a), -1) << "all slots are open";
  EXPECT_TRUE(write(memory, b, tokens, 2 * kPage + 1).empty());
  memory.check();
}

TEST(Fork, WithoutAPageNothingHasChanged) {
  SequenceMemory memory(layout(3));
  const auto tokens = tokens_of(200);
  const int32_t a = memory.open();
  write(memory, a, tokens, 2 * kPage + 5);
  EXPECT_EQ(memory.fork(a), -1);
  memory.check();
  write(memory, a, tokens, 3 * kPage);
  EXPECT_GE(memory.fork(a), 0) << "none is needed at a border";
  memory.check();
}

// A page that gave its content away may be another's before the copy is made: the order sees to it.
TEST(Fork, TheSourceMayEndBeforeTheStep) {
  SequenceMemory memory(layout(4));
  const auto tokens = tokens_of(200);
  const int32_t a = memory.open();
  write(memory, a, tokens, 5);
  const PageId first = page(memory, a, 0);
  const int32_t b = memory.fork(a);
  const PageId second = page(memory, b, 0);
  memory.close(a);
  for (const auto& unused : memory.list_unused())
    EXPECT_FALSE(unused.what == Kept::kPage && unused.place == on_device(first)) << "it is still to be read";
  const int32_t c = memory.fork(b);
  const PageId third = page(memory, c, 0);
  EXPECT_EQ(third, first);
  memory.close(b);
  const std::vector<Copy> copies = write(memory, c, tokens, 6);
  EXPECT_EQ(copies, (std::vector<Copy>{page_copy(first, second), page_copy(second, third)}));
}

TEST(Fork, AClosedForkIsNotCopied) {
  SequenceMemory memory(layout());
  const auto tokens = tokens_of(200);
  const int32_t a = memory.open();
  write(memory, a, tokens, 5);
  for (int i = 0; i < 100; ++i) memory.close(memory.fork(a));
  EXPECT_TRUE(write(memory, a, tokens, 6).empty());
}

TEST(Fork, ACrowdOfCopiesIsRefusedNotOverrun) {
  SequenceMemory memory(layout());
  int32_t slot = memory.open();
  write(memory, slot, tokens_of(200), 5);
  int forks = 0;
  for (int32_t next = memory.fork(slot); next >= 0 && forks < 1000; next = memory.fork(slot)) {
    memory.close(slot);  // each is copied from the one before
    slot = next;
    ++forks;
  }
  EXPECT_EQ(static_cast<uint64_t>(forks), pending_copies_max(3, 0));
  EXPECT_EQ(write(memory, slot, tokens_of(200), 6).size(), static_cast<size_t>(forks));
  EXPECT_GE(memory.fork(slot), 0);
}

TEST(Fork, CopiesTheStateOfTheMoment) {
  SequenceMemory memory(recurrent(6));
  const auto tokens = tokens_of(3 * kPage);
  const int32_t a = memory.open();
  EXPECT_TRUE(memory.fork(a) >= 0) << "of nothing, nothing is copied";
  write(memory, a, tokens, kPage);
  const int32_t b = memory.fork(a);
  EXPECT_EQ(write(memory, a, tokens, kPage + 3),
            (std::vector<Copy>{state_copy(static_cast<StateId>(a), static_cast<StateId>(b))}));
}

// Restored, forked, closed and restored to something else, all before one step: in that order.
TEST(Fork, StatesKeepTheirOrder) {
  SequenceMemory memory(recurrent(8));
  const auto tokens = tokens_of(3 * kPage), other = tokens_of(3 * kPage, 500);
  for (const auto& t : {tokens, other}) {
    const int32_t slot = memory.open();
    write(memory, slot, t, 2 * kPage);
    memory.close(slot);
  }
  const int32_t a = memory.open();
  ASSERT_EQ(memory.adopt(a, tokens), 2 * kPage);
  const int32_t b = memory.fork(a);
  memory.close(a);
  const int32_t c = memory.open();
  EXPECT_EQ(a, c);
  ASSERT_EQ(memory.adopt(c, other), 2 * kPage);
  memory.begin_step();
  const auto copies = memory.copies_before();
  ASSERT_EQ(copies.size(), 3u);
  EXPECT_EQ(copies[0].to.index, static_cast<StateId>(a));
  EXPECT_EQ(copies[1], state_copy(static_cast<StateId>(a), static_cast<StateId>(b)));
  EXPECT_EQ(copies[2].to.index, static_cast<StateId>(c));
  EXPECT_NE(copies[0].from, copies[2].from);
}

TEST(Fork, WindowsShareFullPagesToo) {
  SequenceMemory memory(windowed(3 * kPage));
  const auto tokens = tokens_of(300);
  const int32_t a = memory.open();
  write(memory, a, tokens, 5 * kPage + 7);
  const int32_t b = memory.fork(a);
  memory.check();
  for (uint32_t i = 0; i < kPagesMax; ++i) {
    const PageId mine = window_page(memory, a, i), forked = window_page(memory, b, i);
    EXPECT_EQ(mine == forked, i != 5) << i;
  }
  const PageId from = window_page(memory, a, 5), to = window_page(memory, b, 5);
  EXPECT_NE(to, kNoPage);
  const auto copies = write(memory, b, tokens, 5 * kPage + 8);
  ASSERT_EQ(copies.size(), 2u);
  EXPECT_EQ(copies[1], (Copy{Kept::kWindowPage, 0, {Tier::kDevice, from}, {Tier::kDevice, to}}));
}

TEST(Rollback, WithinItsOwnPageCostsNothing) {
  SequenceMemory memory(layout());
  const auto tokens = tokens_of(200);
  const int32_t a = memory.open();
  write(memory, a, tokens, kPage + 20);
  EXPECT_EQ(memory.rollback(a, kPage + 3), kPage + 3);
  EXPECT_EQ(memory.written(a), kPage + 3);
  EXPECT_EQ(memory.held(a), 2u);
  memory.check();
  EXPECT_TRUE(write(memory, a, tokens, kPage + 4).empty());
}

TEST(Rollback, EmptyPagesGoBackAndStayCached) {
  SequenceMemory memory(layout());
  const auto tokens = tokens_of(200);
  const int32_t a = memory.open();
  write(memory, a, tokens, 3 * kPage + 2);
  EXPECT_EQ(memory.rollback(a, kPage), kPage);
  memory.check();
  EXPECT_EQ(memory.held(a), 1u);
  EXPECT_EQ(memory.kept(), 2u);
  EXPECT_EQ(memory.free(), 29u);
  EXPECT_EQ(memory.adopt(a, tokens), 2 * kPage);
  EXPECT_EQ(memory.rollback(a, 0), 0u);
  EXPECT_EQ(memory.available(), 32u);
  memory.check();
}

// The page is in the index, and another sequence may read it.
TEST(Rollback, AnIndexedPageIsNeverWrittenAgain) {
  SequenceMemory memory(layout());
  auto tokens = tokens_of(200);
  const int32_t a = memory.open();
  write(memory, a, tokens, 2 * kPage);
  const PageId indexed = page(memory, a, 1);
  EXPECT_EQ(memory.rollback(a, kPage + 9), kPage + 9);
  memory.check();
  const PageId own = page(memory, a, 1);
  EXPECT_NE(own, indexed);
  const int32_t b = memory.open();
  EXPECT_EQ(memory.adopt(b, tokens), 2 * kPage) << "what was dropped is still cached";
  tokens[kPage + 9] = 777;
  EXPECT_EQ(write(memory, a, tokens, 2 * kPage), (std::vector<Copy>{page_copy(indexed, own)}));
  EXPECT_EQ(page(memory, b, 1), indexed);
}

TEST(Rollback, TheOnlyPageIsTakenOutOfTheIndex) {
  SequenceMemory memory(layout(2));
  const auto tokens = tokens_of(200);
  const int32_t a = memory.open();
  write(memory, a, tokens, 2 * kPage);
  const PageId last = page(memory, a, 1);
  EXPECT_EQ(memory.rollback(a, kPage + 9), kPage + 9);
  EXPECT_EQ(page(memory, a, 1), last);
  EXPECT_TRUE(write(memory, a, tokens, kPage + 10).empty());
  EXPECT_EQ(memory.adopt(memory.open(), tokens), kPage);
}

TEST(Rollback, WithoutAPageForTheCopyItGoesBackToTheBorder) {
  SequenceMemory memory(layout(2));
  const auto tokens = tokens_of(200);
  const int32_t a = memory.open();
  write(memory, a, tokens, 2 * kPage);
  const int32_t b = memory.fork(a);  // holds both pages as well
  EXPECT_EQ(memory.rollback(a, kPage + 9), kPage);
  EXPECT_EQ(memory.held(a), 1u);
  memory.check();
  memory.close(b);
  write(memory, a, tokens, kPage + 9);
}

TEST(Rollback, ToWhatAWindowStillHas) {
  for (const bool cache : {true, false}) {
    MemoryLayout with = windowed(kPage);
    with.prefix_cache = cache;
    SequenceMemory memory(with);
    const auto tokens = tokens_of(400);
    const int32_t a = memory.open();
    write(memory, a, tokens, 5 * kPage + 3);  // the window reaches back to 4 * kPage + 4
    EXPECT_TRUE(memory.can_roll_back(a, 5 * kPage + 1));
    EXPECT_TRUE(memory.can_roll_back(a, 0));
    EXPECT_FALSE(memory.can_roll_back(a, 5 * kPage + 4)) << "that far it is not written";
    // Sees page 3, which has been released; the cache has it still.
    EXPECT_EQ(memory.can_roll_back(a, 4 * kPage + 9), cache);
    if (cache) {
      EXPECT_EQ(memory.rollback(a, 4 * kPage + 9), 4 * kPage + 9);
      memory.check();
      EXPECT_NE(window_page(memory, a, 3), kNoPage);
      const auto copies = write(memory, a, tokens, 4 * kPage + 10);
      EXPECT_EQ(copies.size(), 2u) << "page 4 was full, in the main pool and in the window's";
    } else {
      EXPECT_EQ(memory.rollback(a, 5 * kPage + 1), 5 * kPage + 1);
      EXPECT_TRUE(write(memory, a, tokens, 5 * kPage + 2).empty());
    }
    memory.close(a);
    memory.check();
  }
}

TEST(Rollback, OfAStateOnlyToACheckpoint) {
  SequenceMemory memory(recurrent(12));
  const auto tokens = tokens_of(9 * kPage + 4);
  const int32_t a = memory.open();
  write(memory, a, tokens, 9 * kPage + 4);  // checkpoints at 8 and at 9 pages
  EXPECT_FALSE(memory.can_roll_back(a, 9 * kPage + 3));
  EXPECT_FALSE(memory.can_roll_back(a, 7 * kPage));
  ASSERT_TRUE(memory.can_roll_back(a, 8 * kPage));
  EXPECT_EQ(memory.rollback(a, 8 * kPage), 8 * kPage);
  memory.check();
  const auto copies = write(memory, a, tokens, 8 * kPage + 1);
  ASSERT_EQ(copies.size(), 1u);
  EXPECT_EQ(copies[0].to.index, static_cast<StateId>(a));
  EXPECT_GE(copies[0].from.index, 3u);
  EXPECT_EQ(memory.rollback(a, 0), 0u);
  EXPECT_TRUE(write(memory, a, tokens, 1).empty()) << "the empty state needs no copy";
}

TEST(RollbackDeathTest, WhatIsNotPossibleIsABug) {
  SequenceMemory memory(recurrent(0));
  const int32_t a = memory.open();
  write(memory, a, tokens_of(50), 40);
  EXPECT_DEATH(memory.rollback(a, 39), "check failed");
}

RootKey salted(uint32_t number) {
  RootKey key;
  key.set_salt("tenant " + std::to_string(number));
  return key;
}

TEST(RootsOfMemory, EqualOnesSharePagesOthersNever) {
  RootKey adapted, pictured, other_model;
  adapted.adapter[31] = 1;
  pictured.media[0] = 1;
  other_model.model[7] = 1;
  const std::vector<RootKey> keys = {{}, adapted, pictured, other_model, salted(1), salted(2)};
  for (const uint64_t mask : {uint64_t{0}, ~uint64_t{0}}) {
    MemoryLayout with = layout(64);
    with.hash_mask = mask;
    SequenceMemory memory(with);
    const auto tokens = tokens_of(3 * kPage);
    for (const RootKey& key : keys) {
      const int32_t slot = memory.open(key);
      EXPECT_EQ(memory.adopt(slot, tokens), 0u) << "nobody of this root was here";
      write(memory, slot, tokens, 2 * kPage);
      memory.close(slot);
    }
    EXPECT_EQ(memory.kept(), 2 * keys.size());
    EXPECT_EQ(memory.roots(), keys.size());
    for (const RootKey& key : keys) {
      const int32_t slot = memory.open(key), twin = memory.open(key);
      EXPECT_EQ(memory.adopt(slot, tokens), 2 * kPage);
      EXPECT_EQ(memory.adopt(twin, tokens), 2 * kPage);
      EXPECT_EQ(page(memory, slot, 0), page(memory, twin, 0));
      memory.check();
      memory.close(slot);
      memory.close(twin);
    }
  }
}

TEST(RootsOfMemory, TwinsOfDifferentRootsDoNotWaitForEachOther) {
  SequenceMemory memory(layout());
  const auto tokens = tokens_of(3 * kPage);
  const int32_t a = memory.open(salted(1)), b = memory.open(salted(2)), c = memory.open(salted(1));
  EXPECT_NE(memory.next_page_key(a, tokens), memory.next_page_key(b, tokens));
  EXPECT_EQ(memory.next_page_key(a, tokens), memory.next_page_key(c, tokens));
}

TEST(RootsOfMemory, AreForgottenWithTheirLastPage) {
  SequenceMemory memory(layout(2));
  for (uint32_t i = 0; i < 20; ++i) {
    const int32_t slot = memory.open(salted(i));
    write(memory, slot, tokens_of(100), kPage);
    memory.close(slot);
    memory.check();
    EXPECT_LE(memory.roots(), 2u);
  }
}

// More tenants than roots, while there are pages for all: the one that was away for longest loses its pages.
TEST(RootsOfMemory, TheOldestMakesRoomForANewOne) {
  const uint32_t roots = prefix_roots(1000, 1);
  ASSERT_LT(roots, 500u);
  SequenceMemory memory(layout(1000, 1));
  const auto tokens = tokens_of(3 * kPage);
  const auto visit = [&](uint32_t tenant) {
    const int32_t slot = memory.open(salted(tenant));
    const uint32_t gained = memory.adopt(slot, tokens);
    write(memory, slot, tokens, 2 * kPage);
    memory.close(slot);
    return gained;
  };
  for (uint32_t i = 0; i < roots; ++i) EXPECT_EQ(visit(i), 0u);
  EXPECT_EQ(visit(0), 2 * kPage);
  EXPECT_EQ(visit(roots), 0u);
  memory.check();
  EXPECT_EQ(memory.roots(), roots);
  EXPECT_EQ(memory.kept(), 2 * roots);
  EXPECT_EQ(visit(0), 2 * kPage);
  EXPECT_EQ(visit(2), 2 * kPage);
  EXPECT_EQ(visit(1), 0u) << "it was the oldest";
}

}  // namespace
}  // namespace gantry::kv
