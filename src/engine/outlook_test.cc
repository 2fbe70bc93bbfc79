#include "engine/outlook.h"

#include <vector>

#include <gtest/gtest.h>

namespace gantry::engine {
namespace {

EngineStats busy() {
  EngineStats stats;
  stats.places = stats.running = 8;
  stats.seconds_per_end = 0.5;
  stats.row_seconds = 0.01;
  return stats;
}

TEST(Outlook, OnAnIdleMachineThereIsOnlyThePrompt) {
  EngineStats stats = busy();
  stats.running = 0;
  const Outlook out = outlook_of(stats, {}, 1, 100);
  EXPECT_EQ(out.ahead, 0u);
  EXPECT_DOUBLE_EQ(out.seconds, 1.0);
}

TEST(Outlook, WhoComesToAFullHouseWaitsForAPlace) {
  const std::vector<uint64_t> waiting{2, 2, 3};
  const Outlook out = outlook_of(busy(), waiting, 1, 100);
  EXPECT_EQ(out.ahead, 2u) << "one of each other client: they have turns";
  EXPECT_DOUBLE_EQ(out.seconds, 3 * 0.5 + 2.0);
  EXPECT_EQ(outlook_of(busy(), waiting, 2, 100).ahead, 3u);
}

TEST(Outlook, PromptsThatAreReadAlreadyTakeTheirHalf) {
  EngineStats stats = busy();
  stats.running = 1;
  stats.prompt_tokens_left = 4000;
  EXPECT_DOUBLE_EQ(outlook_of(stats, {}, 1, 100).seconds, 4.0);
  stats.prompt_tokens_left = 50;
  EXPECT_DOUBLE_EQ(outlook_of(stats, {}, 1, 100).seconds, 3.0);
}

TEST(Busy, SaysWholeSeconds) {
  EXPECT_EQ(Busy("full", 0).retry_after(), 1u);
  EXPECT_EQ(Busy("full", 2.1).retry_after(), 3u);
  EXPECT_EQ(Busy("full", 1e9).retry_after(), 3600u);
  EXPECT_STREQ(Busy("full", 2.1).mend().c_str(), "come back in 3 s");
}

}  // namespace
}  // namespace gantry::engine
