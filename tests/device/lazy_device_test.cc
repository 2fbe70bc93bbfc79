// What the lazy device sees, and that it does what it was asked.
#include "tests/device/lazy_device.h"

#include <barrier>
#include <cmath>
#include <cstring>
#include <thread>

#include <gtest/gtest.h>

#include "backends/cpu/cpu_backend.h"

namespace gantry::device {
namespace {

constexpr uint32_t kValues = 16;

class Lazy : public ::testing::Test {
 protected:
  Buffer space(uint32_t values = kValues) { return take(*arena_, uint64_t{4} * values); }
  static std::span<const std::byte> bytes(const std::vector<float>& values) {
    return std::as_bytes(std::span(values));
  }
  static std::span<std::byte> bytes(std::vector<float>& values) {
    return std::as_writable_bytes(std::span(values));
  }
  static Mat mat(const Buffer& buffer) { return Mat::packed(buffer, 1, kValues); }

  const std::unique_ptr<Backend> backend_ = make_lazy_backend(cpu::make_cpu_backend());
  const std::shared_ptr<Device> device_ = backend_->open(0, {"", 1, 0});
  const std::unique_ptr<Arena> arena_ = device_->new_arena("test", 1 << 16);
  const std::unique_ptr<Stream> stream_ = device_->new_stream();
  const std::vector<float> ones_ = std::vector<float>(kValues, 1.0f);
};
using LazyDeathTest = Lazy;

TEST_F(Lazy, DoesNothingUntilAsked) {
  const Buffer x = space();
  std::vector<float> got(kValues, 7.0f);
  stream_->write(x, bytes(ones_));
  stream_->add({mat(x), mat(x), mat(x)});
  stream_->read(bytes(got), x);
  for (const float value : got) EXPECT_TRUE(std::isnan(value));
  stream_->sync();
  EXPECT_EQ(got, std::vector<float>(kValues, 2.0f));
}

TEST_F(LazyDeathTest, SeesWhatChangesBeforeItIsSent) {
  std::vector<float> values = ones_;
  stream_->write(space(), bytes(values));
  values[3] = 2;
  EXPECT_DEATH(stream_->sync(), "left alone until they have been sent.*write");
}

TEST_F(LazyDeathTest, SeesWhatIsReusedBeforeItIsRead) {
  const Buffer x = space();
  std::vector<float> got(kValues);
  stream_->write(x, bytes(ones_));
  stream_->read(bytes(got), x);
  got[0] = 0;
  EXPECT_DEATH(stream_->sync(), "left alone until they have been read into.*read");
}

TEST_F(LazyDeathTest, AHostArenaLivesUntilItsWorkIsDone) {
  auto host = device_->new_arena("host", 64, MemoryKind::kHost);
  stream_->write(space(), host_bytes(take(*host, 64)));
  EXPECT_DEATH(host.reset(), "a host arena lives");
  stream_->sync();
}

// One after the other on a stream: what is read there may be sent again from the same bytes.
TEST_F(Lazy, HostMemoryPassesFromCallToCall) {
  const Buffer x = space(), y = space();
  std::vector<float> between(kValues), got(kValues);
  stream_->write(x, bytes(ones_));
  stream_->read(bytes(between), x);
  stream_->write(y, bytes(between));
  stream_->read(bytes(got), y);
  stream_->sync();
  EXPECT_EQ(got, ones_);
}

TEST_F(Lazy, EventsOrderStreamsOfTwoDevices) {
  const auto other = backend_->open(0, {"", 1, 0});
  const auto arena = other->new_arena("other", 64);
  const auto stream = other->new_stream();
  const auto host = device_->new_arena("host", 64, MemoryKind::kHost);
  const Buffer x = space(), y = take(*arena, 64), slot = take(*host, 64);
  const auto event = device_->new_event();
  EXPECT_TRUE(event->reached());  // nothing was recorded
  stream_->write(x, bytes(ones_));
  stream_->read(host_bytes(slot), x);
  stream_->record(*event);
  EXPECT_FALSE(event->reached());
  stream->wait(*event);
  stream->write(y, host_bytes(slot));
  std::vector<float> got(kValues);
  stream->read(bytes(got), y);
  stream->sync();  // does the first stream's work too
  EXPECT_TRUE(event->reached());
  EXPECT_EQ(got, ones_);
}

TEST_F(Lazy, AskingAnEventHelpsItAlong) {
  const Buffer x = space();
  const auto event = device_->new_event();
  for (int i = 0; i < 10; ++i) stream_->fill(x, std::byte{0});
  stream_->record(*event);
  int asked = 1;
  while (!event->reached()) ++asked;
  EXPECT_EQ(asked, 11);
  event->wait();
}

TEST_F(Lazy, ARecordedStepReadsWhatLiesThereWhenItIsReplayed) {
  ASSERT_TRUE(device_->can_record());
  const auto host = device_->new_arena("host", 2 * 64, MemoryKind::kHost);
  const Buffer in = take(*host, 64), out = take(*host, 64), x = space();
  stream_->begin_recording();
  stream_->write(x, host_bytes(in));
  stream_->add({mat(x), mat(x), mat(x)});
  stream_->read(host_bytes(out), x);
  const auto step = stream_->end_recording();
  for (const float value : {1.0f, 5.0f}) {
    const std::vector<float> values(kValues, value);
    std::memcpy(host_bytes(in).data(), values.data(), 64);
    stream_->replay(*step);
    stream_->sync();
    float got = 0;
    std::memcpy(&got, host_bytes(out).data(), 4);
    EXPECT_EQ(got, 2 * value);
  }
}

TEST_F(LazyDeathTest, OnlyHostArenasAreRecorded) {
  stream_->begin_recording();
  EXPECT_DEATH(stream_->write(space(), bytes(ones_)), "is_host");
  EXPECT_DEATH(stream_->sync(), "recording_");
}

// ... and what fails there is told by sync, now and ever after.
TEST_F(Lazy, RanksMeetInTheirStreams) {
  const auto devices = std::vector{device_, backend_->open(0, {"", 1, 0})};
  const auto ranks = backend_->connect(devices);
  std::barrier both(2);
  std::vector<std::thread> threads;
  for (uint32_t r = 0; r < 2; ++r)
    threads.emplace_back([&, r] {
      const auto arena = devices[r]->new_arena("rank", 64);
      const auto stream = devices[r]->new_stream();
      const Mat x = mat(take(*arena, 64));
      stream->write(x.buffer, bytes(ones_));
      ranks[r]->all_reduce_sum(*stream, x);
      std::vector<float> got(kValues);
      stream->read(bytes(got), x.buffer);
      stream->sync();
      EXPECT_EQ(got, std::vector<float>(kValues, 2.0f));
      both.arrive_and_wait();
      ranks[r]->abort();
      ranks[r]->all_reduce_sum(*stream, x);
      EXPECT_THROW(stream->sync(), Error);
      EXPECT_THROW(stream->sync(), Error);
    });
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace gantry::device
