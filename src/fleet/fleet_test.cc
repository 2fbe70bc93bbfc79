#include "fleet/fleet.h"

#include <gtest/gtest.h>

#include "fleet/fake_models.h"
#include "tests/deadline.h"

namespace gantry::fleet {
namespace {

using std::chrono::milliseconds;

class FleetTest : public ::testing::Test {
 protected:
  std::unique_ptr<Fleet> make(std::vector<LoadSettings> slots, FleetOptions options = {}) {
    return Fleet::create(std::move(slots), std::make_unique<FakeLoader>(world_), std::move(options));
  }
  bool is_loading(const std::string& id) {
    return world_->wait([&](const FakeWorld& world) { return world.in_loading.contains(id); });
  }

  const std::shared_ptr<FakeWorld> world_ = std::make_shared<FakeWorld>(100);
};

TEST_F(FleetTest, IsColdUntilSomebodyAsks) {
  const auto fleet = make({fake("a", 10), fake("b", 10)});
  EXPECT_EQ(card_of(*fleet, "a").state, SlotState::kCold);
  EXPECT_EQ(fleet->lease_now("b")->card().id, "b");
  EXPECT_EQ(card_of(*fleet, "a").state, SlotState::kCold);
  const ModelCard b = card_of(*fleet, "b");
  EXPECT_EQ(b.state, SlotState::kLive);
  EXPECT_EQ(b.loads, 1u);
  EXPECT_EQ(b.arch, "fake");
  EXPECT_EQ(fleet->lease_now("b")->card().id, "b");
  EXPECT_EQ(world_->loadings, 1);
  EXPECT_EQ(fleet->lease_now("")->card().id, "a");  // no name: the first
}

TEST_F(FleetTest, NamesWhatThereIs) {
  const auto fleet = make({fake("a", 10), fake("b", 10)});
  Asked asked;
  EXPECT_EQ(fleet->lease("c", asked.ready()), Fleet::kAnswered);
  ASSERT_EQ(asked.answers(), 1);
  EXPECT_EQ(asked.error()->code(), ErrorCode::kNotFound);
  EXPECT_NE(asked.error()->mend().find("a, b"), std::string::npos) << asked.error()->mend();
  EXPECT_THROW(fleet->load("c"), Error);
  EXPECT_THROW(fleet->unload("c", milliseconds(0)), Error);
}

TEST_F(FleetTest, TwoModelsOfOneNameAreRefused) {
  try {
    make({fake("a", 10), fake("a", 20)});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
  }
}

TEST_F(FleetTest, ALiveModelIsLeasedAtOnceOnTheCallersThread) {
  const auto fleet = make({fake("a", 10)});
  fleet->lease_now("a");
  Asked asked;
  EXPECT_EQ(fleet->lease("a", asked.ready()), Fleet::kAnswered);
  EXPECT_EQ(asked.on(), std::this_thread::get_id());
  EXPECT_NE(asked.take(), nullptr);
}

TEST_F(FleetTest, WhoAsksForAColdModelWaitsWithoutAThread) {
  const auto fleet = make({fake("a", 10), fake("b", 10)});
  fleet->lease_now("b");
  world_->hold("a");
  Asked first, second, other;
  EXPECT_NE(fleet->lease("a", first.ready()), Fleet::kAnswered);
  EXPECT_NE(fleet->lease("a", second.ready()), Fleet::kAnswered);
  ASSERT_TRUE(is_loading("a"));
  EXPECT_EQ(card_of(*fleet, "a").state, SlotState::kLoading);
  fleet->lease("b", other.ready());
  EXPECT_EQ(other.answers(), 1);  // meanwhile others are served
  EXPECT_EQ(first.answers(), 0);
  world_->let_on("a");
  ASSERT_TRUE(first.wait() && second.wait());
  EXPECT_NE(first.on(), std::this_thread::get_id());
  EXPECT_NE(first.take(), nullptr);
  EXPECT_NE(second.take(), nullptr);
  EXPECT_EQ(world_->loadings, 2);
}

TEST_F(FleetTest, WhoGoesAwayIsNotCalled) {
  const auto fleet = make({fake("a", 10)});
  world_->hold("a");
  Asked gone, stays;
  const Fleet::Ticket ticket = fleet->lease("a", gone.ready());
  fleet->lease("a", stays.ready());
  EXPECT_TRUE(fleet->withdraw(ticket));
  EXPECT_FALSE(fleet->withdraw(ticket));
  EXPECT_FALSE(fleet->withdraw(Fleet::kAnswered));
  world_->let_on("a");
  ASSERT_TRUE(stays.wait());
  EXPECT_EQ(gone.answers(), 0);
}

// A closure that keeps its lease and is the last to know it: the lease is given back when the fleet lets go
// of it.
TEST_F(FleetTest, AReadyMayHoldTheLastLease) {
  const auto fleet = make({fake("a", 10)});
  const auto told = std::make_shared<std::atomic<bool>>(false);
  fleet->lease("a", [told, kept = std::make_shared<Lease>()](Lease lease, const std::optional<Error>&) {
    *kept = std::move(lease);
    *told = true;
  });
  testing::await([&] { return told->load(); }, "the lease");
  fleet->unload("a", std::chrono::hours(1));
  EXPECT_TRUE(comes_to(*fleet, "a", SlotState::kCold));
}

TEST_F(FleetTest, AWishThatIsWithdrawnLoadsNothing) {
  const auto fleet = make({fake("a", 10), fake("b", 10)});
  world_->hold("a");
  Asked first, gone;
  fleet->lease("a", first.ready());
  ASSERT_TRUE(is_loading("a"));
  EXPECT_TRUE(fleet->withdraw(fleet->lease("b", gone.ready())));
  EXPECT_EQ(card_of(*fleet, "b").state, SlotState::kCold);
  world_->let_on("a");
  ASSERT_TRUE(first.wait());
  fleet->load("b");  // who says so wants it, whoever goes away
  ASSERT_TRUE(comes_to(*fleet, "b", SlotState::kLive));
  EXPECT_EQ(world_->loadings, 2);
}

TEST_F(FleetTest, NoMoreThanSoManyWait) {
  const auto fleet = make({fake("a", 10)}, {.waiting_max = 2});
  world_->hold("a");
  Asked one, two, three, four;
  const auto ticket = fleet->lease("a", one.ready());
  fleet->lease("a", two.ready());
  EXPECT_EQ(fleet->lease("a", three.ready()), Fleet::kAnswered);
  ASSERT_TRUE(three.error());
  EXPECT_EQ(three.error()->code(), ErrorCode::kBusy);
  fleet->withdraw(ticket);
  EXPECT_NE(fleet->lease("a", four.ready()), Fleet::kAnswered);
  world_->let_on("a");
  EXPECT_TRUE(two.wait() && four.wait());
}

TEST_F(FleetTest, AFailureIsTheAnswerOfAllWhoWaitAndOfThoseWhoComeSoonAfter) {
  const auto fleet = make({fake("a", 10)});
  world_->fail_once("a", Error(ErrorCode::kBadFile, "its bytes are wrong", "a.gguf"));
  world_->hold("a");
  Asked one, two;
  fleet->lease("a", one.ready());
  fleet->lease("a", two.ready());
  world_->let_on("a");
  ASSERT_TRUE(one.wait() && two.wait());
  EXPECT_EQ(one.error()->code(), ErrorCode::kBadFile);
  EXPECT_EQ(two.error()->what(), std::string("a.gguf: its bytes are wrong"));
  const ModelCard card = card_of(*fleet, "a");
  EXPECT_EQ(card.state, SlotState::kFailed);
  EXPECT_EQ(card.failure, "a.gguf: its bytes are wrong");
  EXPECT_THROW(fleet->lease_now("a"), Error);
  EXPECT_EQ(world_->loadings, 1);
  fleet->load("a");  // who says so tries again at once
  ASSERT_TRUE(comes_to(*fleet, "a", SlotState::kLive));
  EXPECT_EQ(card_of(*fleet, "a").failure, "");
  EXPECT_EQ(world_->loadings, 2);
}

TEST_F(FleetTest, AfterAWhileARequestTriesAgain) {
  const auto fleet = make({fake("a", 10)}, {.retry_after = milliseconds(0)});
  world_->fail_once("a", Error(ErrorCode::kIo, "not now"));
  EXPECT_THROW(fleet->lease_now("a"), Error);
  EXPECT_NE(fleet->lease_now("a"), nullptr);
}

TEST_F(FleetTest, AForgottenFailureIsColdAgain) {
  const auto fleet = make({fake("a", 10)});
  world_->fail_once("a", Error(ErrorCode::kIo, "not now"));
  EXPECT_THROW(fleet->lease_now("a"), Error);
  fleet->unload("a", milliseconds(0));
  EXPECT_EQ(card_of(*fleet, "a").state, SlotState::kCold);
  EXPECT_NE(fleet->lease_now("a"), nullptr);
}

TEST_F(FleetTest, ALeasedModelStaysUntilTheLeaseIsBack) {
  const auto fleet = make({fake("a", 10)});
  Lease lease = fleet->lease_now("a");
  fleet->unload("a", std::chrono::hours(1));
  EXPECT_EQ(card_of(*fleet, "a").state, SlotState::kDraining);
  std::this_thread::sleep_for(milliseconds(20));
  EXPECT_EQ(world_->alive, 1);
  EXPECT_FALSE(static_cast<QuietEngine&>(lease->engine()).drained);
  lease.reset();
  ASSERT_TRUE(comes_to(*fleet, "a", SlotState::kCold));
  EXPECT_EQ(world_->alive, 0);
  EXPECT_NE(world_->died_on.front(), std::this_thread::get_id());
  // What is known of it stays known.
  EXPECT_EQ(card_of(*fleet, "a").arch, "fake");
}

TEST_F(FleetTest, WhatRunsTooLongIsCut) {
  const auto fleet = make({fake("a", 10)});
  Lease lease = fleet->lease_now("a");
  fleet->unload("a", milliseconds(1));
  const auto& engine = static_cast<QuietEngine&>(lease->engine());
  testing::await([&] { return engine.drained.load(); }, "the end of what runs");
  EXPECT_EQ(card_of(*fleet, "a").state, SlotState::kDraining);
  lease.reset();
  EXPECT_TRUE(comes_to(*fleet, "a", SlotState::kCold));
}

TEST_F(FleetTest, WhoAsksWhileItLeavesGetsItAnew) {
  const auto fleet = make({fake("a", 10)});
  Lease lease = fleet->lease_now("a");
  fleet->unload("a", std::chrono::hours(1));
  Asked asked;
  fleet->lease("a", asked.ready());
  EXPECT_EQ(asked.answers(), 0);
  lease.reset();
  ASSERT_TRUE(asked.wait());
  EXPECT_NE(asked.take(), nullptr);
  EXPECT_EQ(world_->loadings, 2);
  EXPECT_EQ(card_of(*fleet, "a").loads, 2u);
}

TEST_F(FleetTest, UnloadedWhileItLoads) {
  const auto fleet = make({fake("a", 10)});
  world_->hold("a");
  Asked before, after;
  fleet->lease("a", before.ready());
  ASSERT_TRUE(is_loading("a"));
  fleet->unload("a", milliseconds(0));
  ASSERT_EQ(before.answers(), 1);
  EXPECT_EQ(before.error()->code(), ErrorCode::kBusy);
  ASSERT_TRUE(comes_to(*fleet, "a", SlotState::kCold));
  EXPECT_EQ(world_->alive, 0);
  world_->let_on("a");
  fleet->lease("a", after.ready());
  ASSERT_TRUE(after.wait());
  EXPECT_NE(after.take(), nullptr);
}

TEST_F(FleetTest, DrainingLeasesNothing) {
  const auto fleet = make({fake("a", 10), fake("b", 10)});
  Lease lease = fleet->lease_now("a");
  world_->hold("b");
  Asked waits;
  fleet->lease("b", waits.ready());
  ASSERT_TRUE(is_loading("b"));
  EXPECT_TRUE(fleet->drain(milliseconds(1)));
  EXPECT_TRUE(static_cast<QuietEngine&>(lease->engine()).drained);
  ASSERT_EQ(waits.answers(), 1);
  EXPECT_EQ(waits.error()->code(), ErrorCode::kShuttingDown);
  EXPECT_THROW(fleet->lease_now("a"), Error);
  EXPECT_THROW(fleet->load("b"), Error);
  EXPECT_THROW(fleet->unload("a", milliseconds(0)), Error);
  // Loading ends by itself, though nobody lets it on.
  EXPECT_TRUE(world_->wait([](const FakeWorld& world) { return world.in_loading.empty(); }));
}

// The last lease is given back on a thread that may be the model's own: the model must not end there.
TEST_F(FleetTest, AModelEndsWithTheFleetAndNotWithTheLastLease) {
  auto fleet = make({fake("a", 10)});
  Lease lease = fleet->lease_now("a");
  std::atomic<bool> leaving = false;
  std::thread holder([&] {
    testing::await([&] { return leaving.load(); }, "the fleet's end");
    std::this_thread::sleep_for(milliseconds(20));
    EXPECT_TRUE(world_->wait([](const FakeWorld& world) { return world.alive == 1; }));
    lease.reset();
  });
  const std::thread::id holders = holder.get_id();
  leaving = true;
  fleet.reset();
  EXPECT_EQ(world_->alive, 0);
  EXPECT_NE(world_->died_on.front(), holders);
  holder.join();
}

TEST_F(FleetTest, TheLeastRecentlyUsedIdleModelMakesRoom) {
  const auto fleet = make({fake("a", 40), fake("b", 40), fake("c", 40)});
  fleet->lease_now("a");
  fleet->lease_now("b");
  fleet->lease_now("a");
  fleet->lease_now("c");
  EXPECT_EQ(world_->gone, (std::vector<std::string>{"b"}));
  EXPECT_EQ(card_of(*fleet, "b").state, SlotState::kCold);
  EXPECT_EQ(card_of(*fleet, "a").state, SlotState::kLive);
}

TEST_F(FleetTest, NobodyLeavesForAModelThatWouldNotFitAnyway) {
  const auto fleet = make({fake("a", 40), fake("b", 101)});
  fleet->lease_now("a");
  try {
    fleet->lease_now("b");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kMemory);
    EXPECT_NE(error.message().find("needs 101, 60 are free"), std::string::npos) << error.message();
  }
  EXPECT_EQ(card_of(*fleet, "a").state, SlotState::kLive);
  EXPECT_EQ(card_of(*fleet, "b").state, SlotState::kFailed);
}

TEST_F(FleetTest, ALeasedModelIsNeverEvictedButWaitedFor) {
  const auto fleet = make({fake("a", 60), fake("b", 60), fake("c", 20)});
  Lease lease = fleet->lease_now("a");
  Asked asked;
  fleet->lease("b", asked.ready());
  fleet->lease_now("c");  // what fits does not stand behind what waits
  EXPECT_EQ(asked.answers(), 0);
  EXPECT_EQ(card_of(*fleet, "b").state, SlotState::kLoading);
  lease.reset();
  ASSERT_TRUE(asked.wait());
  EXPECT_NE(asked.take(), nullptr);
  EXPECT_EQ(world_->gone, (std::vector<std::string>{"a"}));
  EXPECT_EQ(card_of(*fleet, "c").state, SlotState::kLive);
}

TEST_F(FleetTest, WaitingForRoomEnds) {
  const auto fleet = make({fake("a", 60), fake("b", 60)}, {.room_wait = milliseconds(10)});
  const Lease lease = fleet->lease_now("a");
  try {
    fleet->lease_now("b");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBusy);
    EXPECT_NE(error.message().find("needs 60, 40 are free"), std::string::npos) << error.message();
  }
  EXPECT_EQ(card_of(*fleet, "b").state, SlotState::kCold);
  EXPECT_EQ(world_->alive, 1);
}

TEST_F(FleetTest, UnloadedWhileItWaitsForRoom) {
  const auto fleet = make({fake("a", 60), fake("b", 60)});
  const Lease lease = fleet->lease_now("a");
  Asked asked;
  fleet->lease("b", asked.ready());
  std::this_thread::sleep_for(milliseconds(5));
  fleet->unload("b", milliseconds(0));
  ASSERT_TRUE(asked.wait());
  EXPECT_EQ(asked.error()->code(), ErrorCode::kBusy);
  EXPECT_TRUE(comes_to(*fleet, "b", SlotState::kCold));
}

TEST_F(FleetTest, ProgressIsTold) {
  std::atomic<int> told = 0;
  const auto fleet =
      make({fake("a", 10)}, {.progress = [&](const std::string& id, std::string_view stage, double) {
             EXPECT_EQ(id, "a");
             EXPECT_EQ(stage, "weights");
             ++told;
           }});
  world_->hold("a");
  fleet->load("a");
  testing::await([&] { return told > 0; }, "progress");
  world_->let_on("a");
  EXPECT_TRUE(comes_to(*fleet, "a", SlotState::kLive));
}

}  // namespace
}  // namespace gantry::fleet
