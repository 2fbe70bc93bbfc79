// The ranks of a tensor split, each a runner on a device and in a thread of its own: all of them come to the
// bits of one device (contract E1).
#include <gtest/gtest.h>

#include "arch/part.h"
#include "arch/tiny_families.h"
#include "base/error.h"
#include "tests/model/fixture.h"
#include "tests/model/part_at_work.h"

namespace gantry {
namespace {

using testing::PartAtWork;

using Shares = std::vector<uint32_t>;

// Prompts in slices, one token alone, a step of both sequences with one token each, and of different lengths.
const std::vector<PartAtWork::Step>& steps() {
  static const std::vector<PartAtWork::Step> all = {{{0, 0, 8}},
                                                    {{0, 8, 13}, {1, 0, 3}},
                                                    {{0, 13, 14}},
                                                    {{0, 14, 15}, {1, 3, 4}},
                                                    {{0, 15, 16}, {1, 4, 11}}};
  return all;
}

// What stands between a rank and the others; for a test, it may fail.
class Link final : public device::Communicator {
 public:
  explicit Link(std::unique_ptr<device::Communicator> inner) : inner_(std::move(inner)) {}
  void fail_next() { fails_ = true; }

  uint32_t rank() const override { return inner_->rank(); }
  uint32_t ranks() const override { return inner_->ranks(); }
  void all_reduce_sum(device::Stream& stream, const device::Mat& x) override {
    inner_->all_reduce_sum(stream, x);
  }
  void all_gather_cols(device::Stream& stream, const device::Mat& part, const device::Mat& out) override {
    if (fails_) throw Error(ErrorCode::kDevice, "this rank failed");
    inner_->all_gather_cols(stream, part, out);
  }
  void send(device::Stream& stream, const device::Mat& x, uint32_t to_rank) override {
    inner_->send(stream, x, to_rank);
  }
  void receive(device::Stream& stream, const device::Mat& x, uint32_t from_rank) override {
    inner_->receive(stream, x, from_rank);
  }
  void abort() override { inner_->abort(); }

 private:
  const std::unique_ptr<device::Communicator> inner_;
  bool fails_ = false;
};

// All ranks of a model. Every second one has two threads.
class Group {
 public:
  Group(const arch::Blueprint& whole, const gguf::GgufFile& file, const Shares& shares) {
    for (uint32_t rank = 0; rank < shares.size(); ++rank)
      devices_.push_back(testing::registry().open("cpu", {"", 1 + rank % 2, 0}));
    if (shares.size() > 1)
      for (auto& one : testing::registry().backends()[0]->connect(devices_))
        links_.push_back(std::make_unique<Link>(std::move(one)));
    for (uint32_t rank = 0; rank < shares.size(); ++rank)
      ranks_.push_back(std::make_unique<PartAtWork>(arch::part(whole, {0, 0, rank, shares}), file,
                                                    *devices_[rank],
                                                    links_.empty() ? nullptr : links_[rank].get()));
  }

  size_t size() const { return ranks_.size(); }
  void launch(const PartAtWork::Step& step) {
    for (const auto& rank : ranks_) rank->launch(step);
  }
  std::vector<float> land(size_t rank) { return ranks_[rank]->land(); }
  Link& link(size_t rank) { return *links_[rank]; }

 private:
  std::vector<std::shared_ptr<device::Device>> devices_;
  std::vector<std::unique_ptr<Link>> links_;
  std::vector<std::unique_ptr<PartAtWork>> ranks_;
};

// Of every rank the logits of all steps, one after the other.
std::vector<std::vector<float>> logits_of_all(Group& group) {
  std::vector<std::vector<float>> logits(group.size());
  for (const PartAtWork::Step& step : steps()) {
    group.launch(step);
    for (size_t rank = 0; rank < group.size(); ++rank) {
      const std::vector<float> of_step = group.land(rank);
      logits[rank].insert(logits[rank].end(), of_step.begin(), of_step.end());
    }
  }
  return logits;
}

const std::vector<arch::TinyFile>& families() {
  static const std::vector<arch::TinyFile> files = arch::tiny_families(4);
  return files;
}

class Shards : public ::testing::TestWithParam<size_t> {};

TEST_P(Shards, OfAnyNumberGiveTheBitsOfTheWhole) {
  const arch::TinyFile& tiny = families()[GetParam()];
  const auto file = tiny.open();
  const arch::Blueprint whole = arch::read_blueprint(*file);
  Group alone(whole, *file, {1});
  const std::vector<float> want = logits_of_all(alone)[0];
  for (const float value : want) ASSERT_TRUE(std::isfinite(value));
  for (const Shares& shares : {Shares{1, 1}, {1, 1, 1}, {1, 1, 1, 1}, {3, 1}, {1, 2, 1}}) {
    Group group(whole, *file, shares);
    const std::vector<std::vector<float>> got = logits_of_all(group);
    for (size_t rank = 0; rank < got.size(); ++rank)
      EXPECT_TRUE(testing::same_bits(got[rank], want))
          << tiny.name << ", rank " << rank << " of " << shares.size();
  }
}

INSTANTIATE_TEST_SUITE_P(All, Shards, ::testing::Range(size_t{0}, families().size()), [](const auto& which) {
  std::string name = families()[which.param].name;
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return name;
});

// A rank that fails ends the step of all, and every step after it.
TEST(ShardsThatFail, EndTheOthersToo) {
  const auto file = families()[0].open();
  Group group(arch::read_blueprint(*file), *file, {1, 1, 1});
  group.launch(steps()[0]);
  for (size_t rank = 0; rank < group.size(); ++rank) EXPECT_FALSE(group.land(rank).empty());
  group.link(1).fail_next();
  for (const size_t step : {1u, 2u}) {
    group.launch(steps()[step]);
    for (size_t rank = 0; rank < group.size(); ++rank) EXPECT_THROW(group.land(rank), Error) << rank;
  }
}

}  // namespace
}  // namespace gantry
