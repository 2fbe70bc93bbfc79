#include "backends/cpu/cpu_communicator.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "backends/cpu/cpu_device.h"
#include "backends/cpu/operands.h"
#include "base/check.h"
#include "base/error.h"
#include "os/wait_for_change.h"

namespace gantry::cpu {
namespace {

using device::Mat;

constexpr uint32_t kSpins = 2000;  // some tens of microseconds, then sleep

// Where a sender and a receiver of one direction meet. `turn` is even while empty, odd while a matrix is
// offered.
struct Mailbox {
  std::atomic<uint32_t> turn{0};
  Mat offered;
};

// What the ranks share. Waiting ends when the awaited number changes; whoever aborts changes all of them,
// after saying so, and what was read before that is found aborted here.
struct Group {
  explicit Group(uint32_t count) : ranks(count), mats(count), outs(count), boxes(size_t{count} * count) {}

  void wait_while(const std::atomic<uint32_t>& value, uint32_t old) const {
    fail_if_aborted();
    os::wait_for_change(value, old, kSpins);
    fail_if_aborted();
  }

  void fail_if_aborted() const {
    if (aborted.load(std::memory_order_acquire))
      throw Error(ErrorCode::kDevice, "another rank of this model failed", "communicator");
  }

  // All ranks arrive, then all go on.
  void meet() {
    fail_if_aborted();
    const uint32_t round = rounds.load(std::memory_order_acquire);
    if (arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == ranks) {
      arrived.store(0, std::memory_order_relaxed);
      rounds.fetch_add(1, std::memory_order_acq_rel);
      rounds.notify_all();
      fail_if_aborted();
    } else {
      wait_while(rounds, round);
    }
  }

  void abort() {
    aborted.store(true, std::memory_order_release);
    // Numbers change so that sleepers wake; nothing uses them any more.
    rounds.fetch_add(1, std::memory_order_acq_rel);
    rounds.notify_all();
    for (Mailbox& box : boxes) {
      box.turn.fetch_add(2, std::memory_order_acq_rel);
      box.turn.notify_all();
    }
  }

  const uint32_t ranks;
  std::atomic<bool> aborted{false};
  std::atomic<uint32_t> arrived{0};
  std::atomic<uint32_t> rounds{0};
  std::vector<Mat> mats, outs;  // what each rank brought to the current operation
  std::vector<Mailbox> boxes;   // [from][to]
};

class CpuCommunicator final : public device::Communicator {
 public:
  CpuCommunicator(std::shared_ptr<Group> group, uint32_t rank) : group_(std::move(group)), rank_(rank) {}
  uint32_t rank() const override { return rank_; }
  uint32_t ranks() const override { return group_->ranks; }
  void all_reduce_sum(device::Stream& stream, const Mat& x) override;
  void all_gather_cols(device::Stream& stream, const Mat& part, const Mat& out) override;
  void send(device::Stream& stream, const Mat& x, uint32_t to_rank) override;
  void receive(device::Stream& stream, const Mat& x, uint32_t from_rank) override;
  void abort() override { group_->abort(); }

 private:
  const std::shared_ptr<Group> group_;
  const uint32_t rank_;
};

// Every rank sums its share of the values, for all ranks.
void CpuCommunicator::all_reduce_sum(device::Stream& stream, const Mat& x) {
  stream.sync();
  group_->mats[rank_] = x;
  group_->meet();
  const uint64_t total = uint64_t{x.rows} * x.cols;
  const uint64_t share = (total + group_->ranks - 1) / group_->ranks;
  uint64_t at = std::min(total, rank_ * share);
  const uint64_t end = std::min(total, at + share);
  while (at < end) {
    const uint64_t row = at / x.cols, col = at % x.cols;
    const uint64_t count = std::min(end - at, x.cols - col);
    float* sum = row_of(group_->mats[0], row) + col;
    for (uint32_t r = 1; r < group_->ranks; ++r) {
      const float* part = row_of(group_->mats[r], row) + col;
      for (uint64_t i = 0; i < count; ++i) sum[i] += part[i];
    }
    for (uint32_t r = 1; r < group_->ranks; ++r)
      std::memcpy(row_of(group_->mats[r], row) + col, sum, count * sizeof(float));
    at += count;
  }
  group_->meet();
}

void CpuCommunicator::all_gather_cols(device::Stream& stream, const Mat& part, const Mat& out) {
  stream.sync();
  group_->mats[rank_] = part;
  group_->meet();
  uint32_t col = 0;
  for (const Mat& from : group_->mats) {
    GANTRY_CHECK_LE(from.cols, out.cols - col);
    GANTRY_CHECK_EQ(from.rows, out.rows);
    const bool in_place = row_of(from, 0) == row_of(out, 0) + col;
    GANTRY_CHECK(!in_place || from.stride == out.stride);
    for (uint32_t row = 0; row < out.rows && !in_place; ++row)
      std::memcpy(row_of(out, row) + col, row_of(from, row), from.cols * sizeof(float));
    col += from.cols;
  }
  GANTRY_CHECK_EQ(col, out.cols);
  group_->meet();
}

void CpuCommunicator::send(device::Stream& stream, const Mat& x, uint32_t to_rank) {
  stream.sync();
  group_->fail_if_aborted();
  Mailbox& box = group_->boxes[rank_ * group_->ranks + to_rank];
  const uint32_t turn = box.turn.load(std::memory_order_acquire);
  box.offered = x;
  box.turn.fetch_add(1, std::memory_order_acq_rel);
  box.turn.notify_all();
  group_->wait_while(box.turn, turn + 1);
}

void CpuCommunicator::receive(device::Stream& stream, const Mat& x, uint32_t from_rank) {
  stream.sync();
  group_->fail_if_aborted();
  Mailbox& box = group_->boxes[from_rank * group_->ranks + rank_];
  uint32_t turn = box.turn.load(std::memory_order_acquire);
  if (turn % 2 == 0) {
    group_->wait_while(box.turn, turn);
    ++turn;
  }
  GANTRY_CHECK_EQ(box.offered.rows, x.rows);
  GANTRY_CHECK_EQ(box.offered.cols, x.cols);
  for (uint32_t row = 0; row < x.rows; ++row)
    std::memcpy(row_of(x, row), row_of(box.offered, row), x.cols * sizeof(float));
  box.turn.fetch_add(1, std::memory_order_acq_rel);
  box.turn.notify_all();
}

}  // namespace

std::vector<std::unique_ptr<device::Communicator>> connect_ranks(uint32_t ranks) {
  const auto group = std::make_shared<Group>(ranks);
  std::vector<std::unique_ptr<device::Communicator>> out;
  for (uint32_t rank = 0; rank < ranks; ++rank) out.push_back(std::make_unique<CpuCommunicator>(group, rank));
  return out;
}

}  // namespace gantry::cpu
