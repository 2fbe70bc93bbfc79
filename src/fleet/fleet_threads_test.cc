// Everything at once, from many threads: what must hold is that every asker is answered once, a leased model
// is alive, no more memory is taken than there is, and all comes to an end.
#include <random>

#include <gtest/gtest.h>

#include "base/log.h"
#include "fleet/fake_models.h"

namespace gantry::fleet {
namespace {

using std::chrono::milliseconds;

constexpr int kThreads = 6, kRounds = 200;

struct Tally {
  std::atomic<int> asked = 0, answered = 0, withdrawn = 0, leased = 0;
  std::atomic<bool> wrong = false;
};

void ask(Fleet& fleet, const std::string& id, bool withdraws, Tally& tally) {
  ++tally.asked;
  const Fleet::Ticket ticket = fleet.lease(id, [&tally, id](Lease lease, std::optional<Error> error) {
    ++tally.answered;
    if ((lease == nullptr) == !error) tally.wrong = true;
    if (!lease) return;
    ++tally.leased;
    if (lease->card().id != id) tally.wrong = true;
  });
  if (withdraws && fleet.withdraw(ticket)) ++tally.withdrawn;
}

void play(Fleet& fleet, FakeWorld& world, uint32_t seed, Tally& tally) {
  const std::vector<std::string> ids = {"a", "b", "c", "d"};
  std::mt19937 random(seed);
  for (int round = 0; round < kRounds; ++round) {
    const std::string& id = ids[random() % ids.size()];
    switch (random() % 16) {
      case 0:
        fleet.unload(id, milliseconds(random() % 2));
        break;
      case 1:
        fleet.load(id);
        break;
      case 2:
        world.fail_once(id, Error(ErrorCode::kIo, "the disk is gone"));
        break;
      case 3:
        for (const ModelCard& card : fleet.list())
          if (card.id.empty()) tally.wrong = true;
        break;
      default:
        ask(fleet, id, random() % 4 == 0, tally);
    }
    if (random() % 8 == 0) std::this_thread::sleep_for(std::chrono::microseconds(random() % 300));
  }
}

TEST(FleetThreads, AllAtOnce) {
  log::set_level(log::Level::kWarn);  // thousands of models come and go
  const auto world = std::make_shared<FakeWorld>(100);
  Tally tally;
  {
    const auto fleet = Fleet::create(
        {fake("a", 40), fake("b", 40), fake("c", 70), fake("d", 10)}, std::make_unique<FakeLoader>(world),
        {.waiting_max = 16, .retry_after = milliseconds(1), .room_wait = milliseconds(5)});
    std::vector<std::thread> threads;
    for (uint32_t i = 0; i < kThreads; ++i)
      threads.emplace_back([&, i] { play(*fleet, *world, i + 1, tally); });
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_FALSE(tally.wrong);
  EXPECT_EQ(tally.asked, tally.answered + tally.withdrawn);
  EXPECT_GT(tally.leased, 0);
  EXPECT_EQ(world->alive, 0);
  EXPECT_FALSE(world->overbooked);
}

// The end comes in any state: cold, loading, waiting for room, live, leased, draining, failed.
TEST(FleetThreads, TheEndComesAtAnyTime) {
  log::set_level(log::Level::kWarn);
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    const auto world = std::make_shared<FakeWorld>(100);
    Tally tally;
    {
      const auto fleet = Fleet::create({fake("a", 40), fake("b", 40), fake("c", 70), fake("d", 10)},
                                       std::make_unique<FakeLoader>(world), {.room_wait = milliseconds(5)});
      if (seed % 2 == 0) world->hold("c");
      std::vector<std::thread> threads;
      for (uint32_t i = 0; i < 3; ++i)
        threads.emplace_back([&, i] {
          try {
            play(*fleet, *world, seed * 100 + i, tally);
          } catch (const Error& error) {
            EXPECT_EQ(error.code(), ErrorCode::kShuttingDown);
          }
        });
      std::this_thread::sleep_for(std::chrono::microseconds(seed * 200));
      fleet->drain(milliseconds(1));
      for (std::thread& thread : threads) thread.join();
    }
    EXPECT_FALSE(tally.wrong);
    EXPECT_EQ(tally.asked, tally.answered + tally.withdrawn);
    EXPECT_EQ(world->alive, 0);
    EXPECT_FALSE(world->overbooked);
  }
}

}  // namespace
}  // namespace gantry::fleet
