#include "http/body_ledger.h"

#include <memory>
#include <vector>

#include <gtest/gtest.h>

namespace gantry::http {
namespace {

using std::chrono::seconds;

constexpr BodyLedger::Clock::time_point kStart{seconds(1000)};

struct Client {
  Client(BodyLedger& ledger, const std::string& address, BodyLedger::Clock::time_point since = kStart)
      : line(ledger, address, since, [this] { ++told; }) {}
  int told = 0;
  BodyLedger::Line line;
};

TEST(BodyLedger, TheSlowestGivesWay) {
  BodyLedger ledger(1'000'000);
  Client fast(ledger, "a"), slow(ledger, "b"), slower(ledger, "c");
  EXPECT_TRUE(fast.line.note(100'000, kStart) && slow.line.note(2'000, kStart) &&
              slower.line.note(1'000, kStart));
  EXPECT_TRUE(fast.line.press(kStart + seconds(2)));
  EXPECT_EQ(fast.told + slow.told, 0);
  EXPECT_EQ(slower.told, 1);
  // Once more would help nobody before that one has gone.
  EXPECT_TRUE(fast.line.press(kStart + seconds(2)));
  EXPECT_EQ(slow.told, 0);
  EXPECT_EQ(slower.told, 1);
}

TEST(BodyLedger, WhoIsSlowestHimselfPressesNobody) {
  BodyLedger ledger(1'000'000);
  Client fast(ledger, "a"), slow(ledger, "b");
  EXPECT_TRUE(fast.line.note(100'000, kStart) && slow.line.note(2'000, kStart));
  EXPECT_FALSE(slow.line.press(kStart + seconds(2)));
  EXPECT_EQ(fast.told, 0);
}

TEST(BodyLedger, TheNewestAreNotJudgedAndThoseWithoutBytesHoldNothing) {
  BodyLedger ledger(1'000'000);
  Client asks(ledger, "a"), fresh(ledger, "b", kStart + seconds(2)), silent(ledger, "c");
  EXPECT_TRUE(asks.line.note(100'000, kStart) && fresh.line.note(1, kStart));
  EXPECT_FALSE(asks.line.press(kStart + seconds(2)));
  EXPECT_EQ(fresh.told + silent.told, 0);
}

// What came long ago is no speed.
TEST(BodyLedger, WhoHasStoppedIsSlow) {
  BodyLedger ledger(100'000'000);
  Client stopped(ledger, "a"), steady(ledger, "b"), asks(ledger, "c");
  EXPECT_TRUE(stopped.line.note(10'000'000, kStart + seconds(1)));
  for (int second = 1; second <= 20; ++second)
    EXPECT_TRUE(steady.line.note(static_cast<uint64_t>(second) * 800'000, kStart + seconds(second)));
  EXPECT_TRUE(asks.line.note(20'000'000, kStart + seconds(20)));
  EXPECT_TRUE(asks.line.press(kStart + seconds(20)));
  EXPECT_EQ(stopped.told, 1);
  EXPECT_EQ(steady.told, 0);
}

TEST(BodyLedger, OfOneAddressTheSlowestOfItGivesWay) {
  BodyLedger ledger(1'000'000);
  Client asks(ledger, "a"), slow(ledger, "a"), slower(ledger, "b");
  EXPECT_TRUE(asks.line.note(100'000, kStart));
  EXPECT_TRUE(slow.line.note(2'000, kStart));
  EXPECT_TRUE(slower.line.note(1'000, kStart));
  EXPECT_TRUE(asks.line.press(kStart + seconds(2), BodyLedger::Line::Among::kAddress));
  EXPECT_EQ(slow.told, 1);
  EXPECT_EQ(slower.told, 0);
}

TEST(BodyLedger, WhoHasNoAddressHasNoLimit) {
  BodyLedger ledger(1'000);
  Client client(ledger, "");
  EXPECT_TRUE(client.line.note(5'000, kStart));
}

TEST(BodyLedger, OneAddressHasALimit) {
  BodyLedger ledger(1'000);
  auto first = std::make_unique<Client>(ledger, "a");
  Client second(ledger, "a"), other(ledger, "b");
  EXPECT_TRUE(first->line.note(700, kStart));
  EXPECT_FALSE(second.line.note(400, kStart));
  EXPECT_TRUE(second.line.note(300, kStart));
  EXPECT_TRUE(other.line.note(1'000, kStart));
  EXPECT_TRUE(second.line.note(200, kStart));  // less is always right
  first.reset();
  EXPECT_TRUE(second.line.note(900, kStart));
}

}  // namespace
}  // namespace gantry::http
