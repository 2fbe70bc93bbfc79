// What the forward pass asks of a device: the operations that plan/needs says beforehand, and one write a
// step.
#include <set>
#include <utility>

#include <gtest/gtest.h>

#include "plan/needs.h"
#include "tests/device/noting_device.h"
#include "tests/model/asking.h"
#include "tests/model/bench.h"
#include "tests/model/own_models.h"

namespace gantry {
namespace {

using testing::Bench;
using testing::own_models;

constexpr uint32_t kSlots = 4;

// Forbids every second token.
class EvenOnly final : public sample::LogitStage {
 public:
  void mask(std::span<uint64_t> allowed) override {
    for (uint64_t& word : allowed) word &= 0x5555555555555555u;
  }
  void accept(TokenId) override {}
};

class DeviceCalls : public ::testing::TestWithParam<size_t> {
 protected:
  void SetUp() override {
    registry_.add(device::make_noting_backend(cpu::make_cpu_backend(), notes_));
    fleet::LoadSettings settings = own_models()[GetParam()].settings();
    settings.sequences = kSlots;
    settings.step_rows = 64;
    live_ = testing::make_live(settings, {}, registry_);
    for (uint64_t i = 0; i < kSlots; ++i)
      texts_.push_back(testing::random_tokens(i, 200, live_.opened.blueprint->vocab));
    notes_->take();
  }
  Bench::Slice slice(int32_t slot, uint32_t end) const {
    return {slot, &texts_[static_cast<size_t>(slot)], end};
  }

  const std::shared_ptr<device::Notes> notes_ = std::make_shared<device::Notes>();
  device::Registry registry_;
  testing::Live live_;
  std::vector<std::vector<TokenId>> texts_;
};

TEST_P(DeviceCalls, AreThosePlanned) {
  Bench bench(*live_.runner, kSlots, true);
  const int32_t a = bench.memory().open();
  bench.step({slice(a, 20)});
  bench.step({slice(a, 21)}, true);
  std::set<std::pair<device::Operation, quant::Dtype>> planned;
  for (const plan::Need& need : plan::list_needs(*live_.opened.blueprint, live_.opened.plan.limits.kv_dtype))
    planned.insert({need.operation, need.dtype});
  const auto asked = notes_->take().asked;
  for (const auto& [operation, dtype] : planned)
    EXPECT_TRUE(asked.contains({operation, dtype}))
        << device::name_of(operation) << " in " << quant::facts(dtype).name << " is planned and not asked";
  for (const auto& [operation, dtype] : asked)
    EXPECT_TRUE(planned.contains({operation, dtype}))
        << device::name_of(operation) << " in " << quant::facts(dtype).name << " is asked and not planned";
}

TEST_P(DeviceCalls, AStepIsToldInOneWrite) {
  Bench bench(*live_.runner, kSlots, true);
  kv::SequenceMemory& memory = bench.memory();
  EvenOnly even;
  const auto writes = [&](const std::vector<Bench::Slice>& slices, bool picks = false,
                          sample::LogitStage* stage = nullptr) {
    bench.step(slices, picks, stage);
    return notes_->take().writes;
  };
  const int32_t a = memory.open(), b = memory.open();
  EXPECT_EQ(writes({slice(a, 30), slice(b, 7)}), 1u) << "prefill";
  EXPECT_EQ(writes({slice(a, 31), slice(b, 8)}), 1u) << "decode";
  EXPECT_EQ(writes({slice(a, 32), slice(b, 9)}, true), 1u) << "with picks";
  EXPECT_EQ(writes({slice(a, 33), slice(b, 32)}, true, &even), 1u) << "mixed, with masks";
  const int32_t c = memory.fork(a);
  ASSERT_GE(c, 0);
  texts_[static_cast<size_t>(c)] = texts_[static_cast<size_t>(a)];
  EXPECT_EQ(writes({slice(c, 34), slice(a, 60)}), 1u) << "with copies";
}

// The very same step again is known already.
TEST_P(DeviceCalls, WhatTheDeviceKnowsIsNotWrittenAgain) {
  const model::RunnerLimits& limits = live_.runner->limits();
  const std::vector<int32_t> zero = {0};
  const std::vector<PageId> pages(limits.pages_max, 0), windows(limits.windows.size() * limits.pages_max, 0);
  model::Batch batch{.tokens = zero, .positions = zero, .sequences = zero, .page_tables = pages};
  batch.window_tables = windows;
  batch.logit_rows = zero;
  const auto logits = live_.runner->step(batch).logits;
  const std::vector<float> first(logits.begin(), logits.end());
  EXPECT_EQ(notes_->take().writes, 1u);
  const auto again = live_.runner->step(batch).logits;
  EXPECT_TRUE(testing::same_bits({again.begin(), again.end()}, first));
  EXPECT_EQ(notes_->take().writes, 0u);
}

INSTANTIATE_TEST_SUITE_P(Own, DeviceCalls, ::testing::Range(size_t{0}, own_models().size()),
                         [](const auto& which) { return testing::test_name(own_models()[which.param]); });

}  // namespace
}  // namespace gantry
