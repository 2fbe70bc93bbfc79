// Decode steps that a device has recorded and does again: the bits are those of a device that is called each
// time, whatever the schedule, and most steps are indeed done again.
#include <random>

#include <gtest/gtest.h>

#include "plan/recordings.h"
#include "tests/device/noting_device.h"
#include "tests/model/asking.h"
#include "tests/model/bench.h"
#include "tests/model/own_models.h"

namespace gantry {
namespace {

using testing::Bench;
using testing::own_models;

constexpr uint32_t kSlots = 6;  // no power of two: the greatest size is cut off

// A model on a device of its own, and sequences on it.
struct Side {
  Side(const testing::OwnModel& model, std::unique_ptr<device::Backend> backend, bool prefix_cache = true) {
    registry.add(device::make_noting_backend(std::move(backend), notes));
    fleet::LoadSettings settings = model.settings();
    settings.sequences = kSlots;
    settings.step_rows = 48;
    live = testing::make_live(settings, {}, registry);
    bench = std::make_unique<Bench>(*live.runner, kSlots, prefix_cache);
    notes->take();
  }

  const std::shared_ptr<device::Notes> notes = std::make_shared<device::Notes>();
  device::Registry registry;
  testing::Live live;
  std::unique_ptr<Bench> bench;
};

// The same steps for both: who takes part, with one row or a piece of a text, who ends, begins, is forked.
class Recorded : public ::testing::TestWithParam<size_t> {
 protected:
  const testing::OwnModel& model() const { return own_models()[GetParam()]; }

  uint32_t below(uint32_t limit) { return static_cast<uint32_t>(random_() % limit); }

  void begin_sequences(Side& a, Side& b) {
    for (uint32_t slot = 0; slot < kSlots; ++slot) {
      if (open_[slot] && below(30) == 0) {
        a.bench->memory().close(static_cast<int32_t>(slot));
        b.bench->memory().close(static_cast<int32_t>(slot));
        open_[slot] = false;
      }
      if (open_[slot] || below(3) != 0) continue;
      const int32_t from = static_cast<int32_t>(below(kSlots));
      const bool forked = open_[static_cast<size_t>(from)] && below(2) == 0;
      const int32_t to = forked ? a.bench->memory().fork(from) : a.bench->memory().open();
      ASSERT_EQ(forked ? b.bench->memory().fork(from) : b.bench->memory().open(), to);
      if (to < 0) continue;
      open_[static_cast<size_t>(to)] = true;
      texts_[static_cast<size_t>(to)] =
          forked ? texts_[static_cast<size_t>(from)]
                 : testing::random_tokens(random_(), 400, a.live.opened.blueprint->vocab);
    }
  }

  std::vector<Bench::Slice> draw(Side& side) {
    const bool decode = below(4) != 0;
    std::vector<Bench::Slice> slices;
    kv::SequenceMemory& memory = side.bench->memory();
    for (uint32_t slot = 0; slot < kSlots; ++slot) {
      const auto at = static_cast<int32_t>(slot);
      if (!open_[slot] || below(4) == 0 || memory.written(at) + 8 > texts_[slot].size()) continue;
      const uint32_t rows = decode ? 1 : 1 + below(8);
      slices.push_back(
          {at, &texts_[slot], std::min(memory.slice_end(at, texts_[slot]), memory.written(at) + rows)});
    }
    return slices;
  }

  std::mt19937 random_{1};
  bool open_[kSlots] = {};
  std::vector<TokenId> texts_[kSlots];
};

TEST_P(Recorded, StepsDoneAgainGiveTheSameBits) {
  for (const uint64_t seed : {uint64_t{0}, uint64_t{5}}) {
    Side plain(model(), cpu::make_cpu_backend());
    Side lazy(model(), device::make_lazy_backend(cpu::make_cpu_backend(), {seed}));
    uint32_t done = 0;
    for (bool& open : open_) open = false;
    for (uint32_t i = 0; i < 150; ++i) {
      begin_sequences(plain, lazy);
      const std::vector<Bench::Slice> slices = draw(plain);
      if (slices.empty()) continue;
      const bool picks = below(2) == 0;
      ASSERT_TRUE(testing::same_bits(lazy.bench->step(slices, picks), plain.bench->step(slices, picks)))
          << "step " << i;
      ++done;
    }
    const device::Noted noted = lazy.notes->take();
    EXPECT_GT(noted.replays, done / 2);
    EXPECT_LT(noted.recordings, noted.replays / 2);
    EXPECT_GT(noted.recordings, 3u);
    EXPECT_EQ(plain.notes->take().recordings, 0u);
  }
}

// One for all steps of a size; another size is another.
TEST_P(Recorded, ASizeIsRecordedOnce) {
  Side side(model(), device::make_lazy_backend(cpu::make_cpu_backend(), {}));
  kv::SequenceMemory& memory = side.bench->memory();
  std::vector<TokenId> text = testing::random_tokens(3, 200, side.live.opened.blueprint->vocab);
  const auto recordings = [&](std::vector<int32_t> slots) {
    std::vector<Bench::Slice> slices;
    for (const int32_t slot : slots) slices.push_back({slot, &text, memory.written(slot) + 1});
    side.bench->step(slices);
    const device::Noted noted = side.notes->take();
    EXPECT_EQ(noted.replays, 1u);
    EXPECT_LE(noted.operations, plan::step_calls_max(*side.live.opened.blueprint));
    EXPECT_EQ(noted.operations != 0, noted.recordings != 0);
    return noted.recordings;
  };
  for (uint32_t i = 0; i < kSlots; ++i) memory.open();
  EXPECT_EQ(recordings({0, 1, 2}), 1u);
  EXPECT_EQ(recordings({0, 1, 2}), 0u);
  EXPECT_EQ(recordings({3, 4, 5, 1}), 0u) << "four are the size of three";
  EXPECT_EQ(recordings({2, 1}), 1u);
  EXPECT_EQ(recordings({0, 1, 2, 3, 4}), 1u);
  EXPECT_EQ(recordings({0, 1, 2, 3, 4, 5}), 0u);
  for (int i = 0; i < 40; ++i) recordings({0});
  EXPECT_EQ(recordings({0}), 0u);
  EXPECT_EQ(recordings({0, 1, 2}), 1u) << "of two pages";
  EXPECT_EQ(recordings({3, 4, 5}), 0u) << "of one page as before";
}

INSTANTIATE_TEST_SUITE_P(Own, Recorded, ::testing::Range(size_t{0}, own_models().size()),
                         [](const auto& which) { return testing::test_name(own_models()[which.param]); });

}  // namespace
}  // namespace gantry
