#include "base/outbox.h"

#include <array>
#include <memory>
#include <string>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace gantry {
namespace {

struct Pipe {
  Pipe() { EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0); }
  ~Pipe() {
    close_reader();
    close_writer();
  }
  void close_reader() { close(0); }
  void close_writer() { close(1); }
  void close(size_t end) {
    if (ends[end] >= 0) ::close(ends[end]);
    ends[end] = -1;
  }
  // To the end, which the writer's must have come to.
  std::string read_all() {
    std::string all;
    std::array<char, 65536> bytes{};
    while (true) {
      const ssize_t count = ::read(ends[0], bytes.data(), bytes.size());
      if (count <= 0) return all;
      all.append(bytes.data(), static_cast<size_t>(count));
    }
  }
  std::array<int, 2> ends{-1, -1};
};

TEST(Outbox, WritesInOrder) {
  Pipe pipe;
  {
    Outbox outbox(pipe.ends[1]);
    for (int i = 0; i < 100; ++i) outbox.put(fmt::format("{}\n", i));
  }
  pipe.close_writer();
  const std::string all = pipe.read_all();
  EXPECT_TRUE(all.starts_with("0\n1\n2\n"));
  EXPECT_TRUE(all.ends_with("98\n99\n"));
}

TEST(Outbox, ClosesWhatIsItsOwn) {
  Pipe pipe;
  {
    Outbox outbox(std::exchange(pipe.ends[1], -1), kOutboxBytesMax, Outbox::Closes::kYes);
    outbox.put("a");
  }
  EXPECT_EQ(pipe.read_all(), "a");
}

TEST(Outbox, NobodyWaitsForAReaderThatDoesNotReadAndTheLossIsTold) {
  Pipe pipe;
  constexpr size_t kLine = 100, kLines = 100'000;
  auto outbox = std::make_unique<Outbox>(pipe.ends[1], 10 * kLine);
  for (size_t i = 0; i < kLines; ++i) outbox->put(fmt::format("{:0{}}\n", i, kLine - 1));
  // The pipe was never read, and all of it was put: nobody waited. Now somebody reads: what comes and what
  // was dropped is all there was, and each gap is where the words are.
  std::string rest;
  std::array<char, 4096> bytes{};
  size_t next = 0, dropped = 0;
  while (next < kLines) {
    const ssize_t count = ::read(pipe.ends[0], bytes.data(), bytes.size());
    ASSERT_GT(count, 0);
    rest.append(bytes.data(), static_cast<size_t>(count));
    for (size_t end = rest.find('\n'); end != rest.npos; end = rest.find('\n')) {
      if (rest.starts_with("gantry: ")) {
        const size_t gap = std::stoul(rest.substr(8));
        dropped += gap;
        next += gap;
      } else {
        EXPECT_EQ(std::stoul(rest), next++);
      }
      rest.erase(0, end + 1);
    }
  }
  EXPECT_EQ(next, kLines);
  EXPECT_GT(dropped, 0U);
  outbox->put("again\n");
  outbox.reset();
  pipe.close_writer();
  EXPECT_EQ(pipe.read_all(), "again\n");
}

TEST(Outbox, DoesNotWaitForeverAtItsEnd) {
  auto pipe = std::make_unique<Pipe>();
  {
    Outbox outbox(pipe->ends[1]);
    outbox.put(std::string(kOutboxBytesMax, 'x'));  // more than a pipe holds
    outbox.put("one past the limit");
  }
  // Its thread still stands in the write; what it holds on to outlives the outbox.
  std::array<char, 4096> bytes{};
  size_t seen = 0;
  while (seen < kOutboxBytesMax) {
    const ssize_t count = ::read(pipe->ends[0], bytes.data(), bytes.size());
    ASSERT_GT(count, 0);
    seen += static_cast<size_t>(count);
  }
}

TEST(Outbox, AReaderThatLeftIsNoEnd) {
  Pipe pipe;
  pipe.close_reader();
  Outbox outbox(pipe.ends[1]);
  for (int i = 0; i < 1000; ++i) outbox.put("nobody hears this\n");
}

}  // namespace
}  // namespace gantry
