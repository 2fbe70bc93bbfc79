#include "kv/prefix_index.h"

#include <array>
#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "base/rng.h"

namespace gantry::kv {
namespace {

using Tokens = std::array<TokenId, kPageTokens>;

Tokens page_of(TokenId token) {
  Tokens tokens;
  tokens.fill(token);
  return tokens;
}

TEST(PrefixIndex, FindsByParentAndEveryToken) {
  PrefixIndex index(8, 2);
  const RootId root = index.roots().open(RootKey{});
  const Tokens a = page_of(1);
  index.insert(3, root, kNoPage, a);
  index.insert(5, root, 3, a);
  EXPECT_EQ(index.find(root, kNoPage, a), 3u);
  EXPECT_EQ(index.find(root, 3, a), 5u);
  EXPECT_EQ(index.find(root, 5, a), kNoPage);
  for (size_t i = 0; i < kPageTokens; ++i) {
    Tokens other = a;
    other[i] = 2;
    EXPECT_EQ(index.find(root, kNoPage, other), kNoPage) << i;
    EXPECT_NE(index.key(root, kNoPage, other), index.key(root, kNoPage, a)) << i;
  }
  EXPECT_NE(index.key(root, 3, a), index.key(root, kNoPage, a));
  index.check();
}

// With no bits of the hash left, every page meets every other: only parent and tokens tell them apart.
TEST(PrefixIndex, TrustsTokensNotHashes) {
  PrefixIndex index(64, 2, 0);
  const RootId root = index.roots().open(RootKey{});
  for (PageId page = 0; page < 64; ++page)
    index.insert(page, root, page < 32 ? kNoPage : page - 32, page_of(static_cast<TokenId>(page % 32)));
  index.check();
  for (PageId page = 0; page < 64; ++page)
    EXPECT_EQ(index.find(root, page < 32 ? kNoPage : page - 32, page_of(static_cast<TokenId>(page % 32))),
              page);
  EXPECT_EQ(index.find(root, kNoPage, page_of(99)), kNoPage);
}

// With no bits of the hash left, equal pages of two roots meet.
TEST(PrefixIndex, RootsHaveTreesOfTheirOwn) {
  PrefixIndex index(8, 2, 0);
  RootKey other_key;
  other_key.set_salt("x");
  const RootId root = index.roots().open(RootKey{}), other = index.roots().open(other_key);
  index.insert(3, root, kNoPage, page_of(1));
  EXPECT_EQ(index.find(other, kNoPage, page_of(1)), kNoPage);
  index.insert(4, other, kNoPage, page_of(1));
  index.insert(5, other, 4, page_of(1));
  EXPECT_EQ(index.find(root, kNoPage, page_of(1)), 3u);
  EXPECT_EQ(index.find(other, kNoPage, page_of(1)), 4u);
  EXPECT_EQ(index.find(root, 3, page_of(1)), kNoPage);
  EXPECT_EQ(index.roots().pages(other), 2u);
  index.check();
}

TEST(PrefixIndex, EvictsTheLeastRecentlyUsedIdlePage) {
  PrefixIndex index(4, 2);
  const RootId root = index.roots().open(RootKey{});
  for (PageId page = 0; page < 4; ++page)
    index.insert(page, root, kNoPage, page_of(static_cast<TokenId>(page)));
  EXPECT_EQ(index.oldest_idle(), kNoPage);  // all are held
  for (const PageId page : {2u, 0u, 3u, 1u}) index.set_idle(page);
  index.set_busy(0);
  index.set_idle(0);  // used again: now the youngest
  EXPECT_EQ(index.idle(), 4u);
  index.check();
  for (const PageId page : {2u, 3u, 1u, 0u}) {
    EXPECT_EQ(index.oldest_idle(), page);
    index.evict(page);
    EXPECT_FALSE(index.contains(page));
    index.check();
  }
  EXPECT_EQ(index.oldest_idle(), kNoPage);
}

TEST(PrefixIndexDeathTest, AParentIsNotEvictedBeforeItsChild) {
  PrefixIndex index(2, 2);
  const RootId root = index.roots().open(RootKey{});
  index.insert(0, root, kNoPage, page_of(1));
  index.insert(1, root, 0, page_of(1));
  index.set_idle(0);
  index.set_idle(1);
  EXPECT_DEATH(index.check(), "check failed");
  EXPECT_DEATH(index.evict(0), "check failed");
}

// Thousands of insertions and evictions against a map, with few hash bits so that runs are long and wrap
// around.
TEST(PrefixIndex, IsTheMapThatItClaimsToBe) {
  for (const uint64_t mask : {uint64_t{0}, uint64_t{3}, uint64_t{31}, ~uint64_t{0}}) {
    PrefixIndex index(16, 2, mask);
    const RootId root = index.roots().open(RootKey{});
    std::map<TokenId, PageId> truth;
    std::vector<PageId> free;
    for (PageId page = 0; page < 16; ++page) free.push_back(page);
    for (uint64_t i = 0; i < 4000; ++i) {
      const auto token = static_cast<TokenId>(uniform_at(mask, i) * 40);
      const auto known = truth.find(token);
      ASSERT_EQ(index.find(root, kNoPage, page_of(token)), known == truth.end() ? kNoPage : known->second);
      if (known != truth.end()) continue;
      if (free.empty()) {
        free.push_back(index.oldest_idle());
        index.evict(free.back());
        std::erase_if(truth, [&](const auto& entry) { return entry.second == free.back(); });
      }
      index.insert(free.back(), root, kNoPage, page_of(token));
      index.set_idle(free.back());
      truth[token] = free.back();
      free.pop_back();
      index.check();
    }
  }
}

}  // namespace
}  // namespace gantry::kv
