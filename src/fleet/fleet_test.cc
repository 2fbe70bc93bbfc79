#include "fleet/fleet.h"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/deadline.h"

namespace gantry::fleet {
namespace {

// An engine whose drain() says so; nothing runs in it.
class QuietEngine final : public engine::Engine {
 public:
  JobId submit(engine::Job) override { return 1; }
  void cancel(JobId) override {}
  bool drain(std::chrono::milliseconds) override {
    drained = true;
    return true;
  }
  engine::EngineStats stats() const override { return {}; }
  const model::RunnerLimits& limits() const override { return limits_; }
  uint32_t queue_max() const override { return 256; }
  std::atomic<bool> drained = false;

 private:
  model::RunnerLimits limits_;
};

class QuietModel final : public LiveModel {
 public:
  QuietModel(std::string id, std::atomic<int>& alive, std::thread::id& died_on)
      : alive_(alive), died_on_(died_on) {
    card_.id = std::move(id);
    ++alive_;
  }
  ~QuietModel() override {
    --alive_;
    died_on_ = std::this_thread::get_id();
  }
  const ModelCard& card() const override { return card_; }
  completion::Completer& completer() override { throw Error(ErrorCode::kInternal, "no completer here"); }
  QuietEngine& engine() override { return engine_; }

 private:
  ModelCard card_;
  QuietEngine engine_;
  std::atomic<int>& alive_;
  std::thread::id& died_on_;
};

TEST(Fleet, LeasesByNameAndNamesWhatThereIs) {
  std::atomic<int> alive = 0;
  std::thread::id died_on;
  const auto fleet = make_fleet(
      {std::make_shared<QuietModel>("a", alive, died_on), std::make_shared<QuietModel>("b", alive, died_on)});
  EXPECT_EQ(fleet->lease("b")->card().id, "b");
  EXPECT_EQ(fleet->lease("")->card().id, "a");
  EXPECT_EQ(fleet->list().size(), 2u);
  try {
    fleet->lease("c");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_NE(error.mend().find("a, b"), std::string::npos) << error.mend();
  }
}

TEST(Fleet, DrainingLeasesNothing) {
  std::atomic<int> alive = 0;
  std::thread::id died_on;
  const auto model = std::make_shared<QuietModel>("a", alive, died_on);
  const auto fleet = make_fleet({model});
  EXPECT_TRUE(fleet->drain(std::chrono::milliseconds(1)));
  EXPECT_TRUE(model->engine().drained);
  EXPECT_THROW(fleet->lease("a"), Error);
}

// The last lease is given back on a thread that may be the model's own: the model must not end there.
TEST(Fleet, AModelEndsWithTheFleetAndNotWithTheLastLease) {
  std::atomic<int> alive = 0;
  std::thread::id died_on;
  auto fleet = make_fleet({std::make_shared<QuietModel>("a", alive, died_on)});
  Lease lease = fleet->lease("a");
  std::atomic<bool> leaving = false;
  std::thread holder([&] {
    testing::await([&] { return leaving.load(); }, "the fleet's end");
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_EQ(alive, 1);
    lease.reset();
  });
  leaving = true;
  fleet.reset();
  EXPECT_EQ(alive, 0);
  EXPECT_EQ(died_on, std::this_thread::get_id());
  holder.join();
}

}  // namespace
}  // namespace gantry::fleet
