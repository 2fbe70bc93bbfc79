#include "fleet/eviction.h"

#include <gtest/gtest.h>

namespace gantry::fleet {
namespace {

Shares bytes(uint64_t count) { return {{"gpu:0", count}}; }

std::vector<size_t> evictions(const std::vector<Shares>& idle, uint64_t short_of) {
  return choose_evictions(
      idle, [&](const Shares& given_back) { return bytes_in(given_back, "gpu:0") >= short_of; });
}

TEST(ChooseEvictions, TheLeastRecentlyUsedGoesFirst) {
  EXPECT_EQ(evictions({bytes(10), bytes(10), bytes(10)}, 10), (std::vector<size_t>{0}));
  EXPECT_EQ(evictions({bytes(10), bytes(10), bytes(10)}, 11), (std::vector<size_t>{0, 1}));
  EXPECT_EQ(evictions({bytes(10), bytes(10), bytes(10)}, 30), (std::vector<size_t>{0, 1, 2}));
}

TEST(ChooseEvictions, NobodyGoesWhenItWouldNotBeEnough) {
  EXPECT_EQ(evictions({bytes(10), bytes(10)}, 21), std::vector<size_t>{});
  EXPECT_EQ(evictions({}, 1), std::vector<size_t>{});
}

TEST(ChooseEvictions, NobodyGoesWithoutNeed) {
  EXPECT_EQ(evictions({bytes(3), bytes(20)}, 20), (std::vector<size_t>{1}));
  EXPECT_EQ(evictions({bytes(3), bytes(5), bytes(20)}, 23), (std::vector<size_t>{0, 2}));
  EXPECT_EQ(evictions({bytes(3), bytes(5), bytes(20)}, 25), (std::vector<size_t>{1, 2}));
}

TEST(ChooseEvictions, OtherMemoriesDoNotHelp) {
  EXPECT_EQ(evictions({{{"cpu:0", 100}}, bytes(10)}, 10), (std::vector<size_t>{1}));
}

}  // namespace
}  // namespace gantry::fleet
