#include "kv/page_pool.h"

#include <set>

#include <gtest/gtest.h>

namespace gantry::kv {
namespace {

TEST(PagePool, GivesEachPageOnceAndThenNone) {
  PagePool pool(5);
  std::set<PageId> pages;
  for (int i = 0; i < 5; ++i) pages.insert(pool.take());
  EXPECT_EQ(pages, (std::set<PageId>{0, 1, 2, 3, 4}));
  EXPECT_EQ(pool.take(), kNoPage);
  EXPECT_EQ(pool.free(), 0u);
  pool.check();
}

TEST(PagePool, APageIsFreeOnlyAfterItsLastHolderAndGive) {
  PagePool pool(1);
  const PageId page = pool.take();
  pool.hold(page);
  EXPECT_EQ(pool.holders(page), 2u);
  EXPECT_FALSE(pool.release(page));
  EXPECT_TRUE(pool.release(page));
  EXPECT_EQ(pool.take(), kNoPage);  // kept
  pool.hold(page);                  // and wanted again
  EXPECT_TRUE(pool.release(page));
  pool.give(page);
  pool.check();
  EXPECT_EQ(pool.take(), page);
}

TEST(PagePoolDeathTest, MisuseIsABug) {
  PagePool pool(2);
  const PageId page = pool.take();
  EXPECT_DEATH(pool.give(page), "check failed");
  EXPECT_DEATH(pool.hold(1), "check failed");
  pool.release(page);
  EXPECT_DEATH(pool.release(page), "check failed");
  pool.give(page);
  EXPECT_DEATH(pool.give(page), "check failed");
}

}  // namespace
}  // namespace gantry::kv
