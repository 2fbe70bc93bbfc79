// The device itself: memory to the byte, sizes, options; and the ranks of a split talking to each other.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <span>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "tests/conformance/rig.h"

namespace gantry::conformance {
namespace {

using device::Mat;
using quant::Dtype;

class Devices : public ::testing::TestWithParam<Subject> {};

TEST_P(Devices, FreshMemoryIsPoisoned) {
  Rig rig(open(GetParam()), 4096);
  const Mat all = rig.space_mat(1, 1024);
  for (const float value : rig.get(all)) ASSERT_TRUE(std::isnan(value));
}

TEST_P(Devices, SizesAreWholeAlignmentsAndGrow) {
  const auto device = open(GetParam());
  const device::Sizer& sizer = device->sizer();
  for (const Dtype dtype : weight_types()) {
    const device::WeightShape shape{dtype, 33, is_float(dtype) ? 77u : 512u};
    EXPECT_EQ(sizer.packed_bytes(shape) % sizer.alignment(), 0u);
    // A device may pad, but not much: decoding speed is bytes.
    const device::WeightShape large{dtype, 4096, 4096};
    // TQ1_0 may be taken apart into digits, as TQ2_0 stores them.
    const Dtype stored = dtype == Dtype::kTQ1_0 ? Dtype::kTQ2_0 : dtype;
    const auto plain = static_cast<double>(4096 * quant::row_bytes(stored, 4096));
    EXPECT_LE(static_cast<double>(sizer.packed_bytes(large)), 1.03 * plain) << quant::facts(dtype).name;
    uint64_t last = 0;
    for (uint32_t rows = 0; rows < 70; ++rows) {
      const uint64_t bytes = sizer.linear_scratch_bytes({{shape}}, rows);
      EXPECT_EQ(bytes % sizer.alignment(), 0u);
      EXPECT_GE(bytes, last);
      last = bytes;
    }
  }
  for (const Dtype dtype : {Dtype::kF32, Dtype::kF16, Dtype::kQ8_0}) {
    EXPECT_EQ(sizer.kv_page_bytes({dtype, 3, 40, 24}) % sizer.alignment(), 0u);
    EXPECT_GT(sizer.kv_page_bytes({dtype, 3, 40, 24}), 0u);
  }
}

TEST_P(Devices, TellsWhatItIs) {
  const auto device = open(GetParam());
  EXPECT_EQ(device->facts().id, std::string(GetParam().backend->name()) + ":0");
  EXPECT_EQ(device->facts().isa, GetParam().options.isa);
  EXPECT_EQ(device->facts().compute_units, GetParam().options.threads);
  EXPECT_GT(device->facts().memory_bytes, 0u);
}

TEST(CpuDevice, ACapIsACapToTheByte) {
  const uint64_t overhead = open_scalar()->sizer().overhead_bytes();
  const device::OpenDeviceOptions options{"scalar", 2, overhead + 10000};
  const auto device = cpu_backend().open(0, options);
  EXPECT_EQ(device->facts().memory_bytes, overhead + 10000);
  {
    const auto first = device->new_arena("first", 6000);
    EXPECT_THROW(device->new_arena("second", 4001), Error);
    EXPECT_NO_THROW(device->new_arena("second", 4000));
  }
  EXPECT_NO_THROW(device->new_arena("all", 10000));  // the first two were given back
  try {
    device->new_arena("more", 10001);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kMemory);
    EXPECT_NE(error.message().find("10001"), std::string::npos);
  }
}

TEST(CpuDevice, MoreThanTheMachineHasIsRefused) {
  const auto device = open_scalar();
  EXPECT_THROW(device->new_arena("huge", uint64_t{1} << 60), Error);
}

// Of the bytes of a host arena, those that the system has given.
uint64_t resident(device::Arena& arena) {
  const auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::span<std::byte> bytes = arena.host_bytes();
  std::vector<unsigned char> there((bytes.size() + page - 1) / page);
  EXPECT_EQ(::mincore(bytes.data(), bytes.size(), there.data()), 0);
  return page * static_cast<uint64_t>(std::ranges::count_if(there, [](unsigned char is) { return is & 1; }));
}

TEST(CpuDevice, MemoryComesWhenItIsTakenOrAsItIsWritten) {
  constexpr uint64_t kBytes = uint64_t{64} << 20;
  const auto at_once = cpu_backend().open(0, {"scalar", 2, 0, false});
  EXPECT_EQ(resident(*at_once->new_arena("at once", kBytes, device::MemoryKind::kHost)), kBytes);

  const auto on_demand = cpu_backend().open(0, {"scalar", 2, 0, true});
  uint64_t told = 0;
  const auto arena = on_demand->take_arena("on demand", kBytes, device::MemoryKind::kHost,
                                           [&](uint64_t there) { told = there; });
  EXPECT_EQ(told, kBytes);
  EXPECT_EQ(resident(*arena), 0u);
  arena->host_bytes()[kBytes / 2] = std::byte{1};
  EXPECT_GT(resident(*arena), 0u);
  EXPECT_LT(resident(*arena), kBytes / 2);
}

// Two that the machine has room for one by one.
TEST(CpuDevice, WhatIsPromisedIsNotPromisedAgain) {
  const device::OpenDeviceOptions options{"scalar", 1, 0, true};
  const auto device = cpu_backend().open(0, options);
  const uint64_t most = cpu_backend().list(options)[0].facts.memory_free_bytes / 3 * 2;
  {
    const auto first = device->new_arena("first", most);
    EXPECT_THROW(device->new_arena("second", most), Error);
  }
  EXPECT_NO_THROW(device->new_arena("second", most));
}

TEST(CpuDevice, AnUnknownInstructionSetIsNamed) {
  try {
    cpu_backend().open(0, {"sse9", 1, 0});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    EXPECT_NE(error.message().find("sse9"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("scalar"), std::string::npos);
  }
}

// ---- ranks, each in its own thread

class Ranks : public ::testing::TestWithParam<Subject> {};

// Rows of `cols` values, `stride` apart.
std::vector<float> spread(const std::vector<float>& values, uint32_t cols, uint32_t stride) {
  std::vector<float> out(values.size() / cols * stride);
  for (size_t i = 0; i < values.size(); ++i) out[i / cols * stride + i % cols] = values[i];
  return out;
}

TEST_P(Ranks, SumInRankOrder) {
  for (const uint32_t ranks : {1u, 2u, 3u, 5u}) {
    on_ranks(GetParam(), ranks, [ranks](Rig& rig, device::Communicator& all, uint32_t rank) {
      const Mat x = rig.put_mat(random_floats(rank, 7 * 33), 7, 33, 40);
      std::vector<float> want = random_floats(0, 7 * 33);
      for (uint32_t r = 1; r < ranks; ++r) {
        const std::vector<float> part = random_floats(r, 7 * 33);
        for (size_t i = 0; i < want.size(); ++i) want[i] += part[i];
      }
      const std::vector<float> mine = spread(random_floats(rank, 7 * 33), 33, 40);
      for (int round = 0; round < 100; ++round) {
        rig.stream().write(x.buffer, std::as_bytes(std::span(mine)));
        all.all_reduce_sum(rig.stream(), x);
        EXPECT_EQ(difference(rig.get(x), want), "");
      }
    });
  }
}

TEST_P(Ranks, GatherUnevenColumns) {
  on_ranks(GetParam(), 3, [](Rig& rig, device::Communicator& all, uint32_t rank) {
    const uint32_t cols = 5 + 3 * rank;
    const Mat part = rig.put_mat(random_floats(rank, 4 * cols), 4, cols, cols + 1);
    const Mat out = rig.space_mat(4, 5 + 8 + 11, 30);
    all.all_gather_cols(rig.stream(), part, out);
    const std::vector<float> got = rig.get(out);
    uint32_t col = 0;
    for (uint32_t r = 0; r < 3; ++r) {
      const uint32_t width = 5 + 3 * r;
      const std::vector<float> values = random_floats(r, 4 * width);
      for (uint32_t row = 0; row < 4; ++row) {
        for (uint32_t i = 0; i < width; ++i) EXPECT_EQ(got[row * 24 + col + i], values[row * width + i]);
      }
      col += width;
    }
  });
}

// What a rank brings may be what it becomes: its own columns of the whole.
TEST_P(Ranks, GatherInPlace) {
  on_ranks(GetParam(), 3, [](Rig& rig, device::Communicator& all, uint32_t rank) {
    const Mat out = rig.space_mat(4, 3 * 5, 17);
    const auto columns = [&](uint32_t r) {
      return Mat{out.buffer.part(r * 20, out.buffer.bytes - r * 20), 4, 5, 17};
    };
    const Mat mine = columns(rank);
    rig.stream().copy_mat({rig.put_mat(random_floats(rank, 4 * 5), 4, 5), mine});
    all.all_gather_cols(rig.stream(), mine, out);
    for (uint32_t r = 0; r < 3; ++r) EXPECT_EQ(difference(rig.get(columns(r)), random_floats(r, 4 * 5)), "");
  });
}

TEST_P(Ranks, AChainOfSends) {
  on_ranks(GetParam(), 3, [](Rig& rig, device::Communicator& all, uint32_t rank) {
    for (uint64_t round = 0; round < 20; ++round) {
      const Mat x = rank == 0 ? rig.put_mat(random_floats(round, 30), 2, 15) : rig.space_mat(2, 15, 17);
      if (rank > 0) all.receive(rig.stream(), x, rank - 1);
      EXPECT_EQ(difference(rig.get(x), random_floats(round, 30)), "");
      if (rank < 2) all.send(rig.stream(), x, rank + 1);
    }
    rig.stream().sync();
  });
}

TEST_P(Ranks, AbortEndsAllWaiting) {
  on_ranks(GetParam(), 4, [](Rig& rig, device::Communicator& all, uint32_t rank) {
    const Mat x = rig.put_mat(random_floats(rank, 8), 1, 8);
    all.all_reduce_sum(rig.stream(), x);
    rig.stream().sync();
    if (rank == 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      all.abort();
    }
    // In the call or, of work that was only taken note of, when it is waited for.
    EXPECT_THROW(
        {
          if (rank == 1)
            all.receive(rig.stream(), x, 0);
          else if (rank == 2)
            all.send(rig.stream(), x, 0);
          else
            all.all_reduce_sum(rig.stream(), x);
          rig.stream().sync();
        },
        Error);
  });
}

// Collectives are work of the stream: after what was called before, before what is called next.
TEST_P(Ranks, CollectivesStandInTheStreamsOrder) {
  on_ranks(GetParam(), 2, [](Rig& rig, device::Communicator& all, uint32_t rank) {
    const Mat x = rig.put_mat(std::vector<float>(8, 1.0f), 1, 8), y = rig.space_mat(1, 8);
    for (int round = 0; round < 10; ++round) {  // x is doubled, then halved
      rig.stream().fill(y.buffer, std::byte{0});
      rig.stream().add({x, y, x});
      all.all_reduce_sum(rig.stream(), x);
      if (rank == 0)
        all.send(rig.stream(), x, 1);
      else
        all.receive(rig.stream(), y, 0);
      if (rank == 0) rig.stream().copy(y.buffer, x.buffer);
      rig.stream().add({x, y, x, -0.5f});
    }
    EXPECT_EQ(rig.get(x), std::vector<float>(8, 1.0f));
  });
}

// ---- events, host arenas, recorded steps

TEST_P(Devices, AnEventIsReachedWhenTheWorkBeforeItIs) {
  const auto device = open(GetParam());
  Rig rig(device, 4096);
  const auto other = device->new_stream();
  const auto event = device->new_event();
  EXPECT_TRUE(event->reached());
  event->wait();
  const Mat x = rig.space_mat(1, 8), y = rig.space_mat(1, 8);
  const std::vector<float> values = random_floats(1, 8);
  std::vector<float> got(8);
  for (int round = 0; round < 3; ++round) {
    rig.stream().write(x.buffer, std::as_bytes(std::span(values)));
    rig.stream().record(*event);
    other->wait(*event);
    other->add({x, x, y});
    other->read(std::as_writable_bytes(std::span(got)), y.buffer);
    other->record(*event);
    event->wait();
    EXPECT_TRUE(event->reached());
    for (size_t i = 0; i < got.size(); ++i) EXPECT_EQ(got[i], 2 * values[i]);
    rig.stream().wait(*event);
  }
}

TEST_P(Devices, HostArenasAreBytesOfTheHost) {
  const auto device = open(GetParam());
  Rig rig(device, 4096);
  const auto arena = device->new_arena("host", 128, device::MemoryKind::kHost);
  const device::Buffer in = device::take(*arena, 64), out = device::take(*arena, 64);
  EXPECT_EQ(arena->kind(), device::MemoryKind::kHost);
  ASSERT_EQ(host_bytes(out).size(), 64u);
  for (size_t i = 0; i < 64; ++i) host_bytes(in)[i] = static_cast<std::byte>(i);
  const device::Buffer x = rig.space(64);
  rig.stream().write(x, host_bytes(in));
  rig.stream().read(host_bytes(out), x);
  rig.stream().sync();
  EXPECT_TRUE(std::equal(host_bytes(in).begin(), host_bytes(in).end(), host_bytes(out).begin()));
  EXPECT_TRUE(device->new_arena("device", 64)->host_bytes().empty());
}

// A replay does what was called, with what lies in the buffers then: more rows than the second step has are
// padding.
TEST_P(Devices, ARecordedStepServesSmallerOnes) {
  const auto device = open(GetParam());
  if (!device->can_record()) GTEST_SKIP() << "this device records nothing";
  const std::string why =
      refusal(GetParam(), {device::Operation::kKvWrite, device::Operation::kAttention}, Dtype::kF16);
  if (!why.empty()) GTEST_SKIP() << why;
  Rig rig(device, 1 << 16);
  const auto arena = device->new_arena("host", 4096, device::MemoryKind::kHost);
  const device::KvShape shape{Dtype::kF16, 1, 16, 16};
  const device::KvPages pages{rig.space(2 * device->sizer().kv_page_bytes(shape)), shape};
  device::Rows rows = rig.put_rows({0, 1, 0}, {0, 0, 1}, {0, 1}, 1);
  const Mat x = rig.put_mat(random_floats(3, 3 * 16), 3, 16), out = rig.space_mat(3, 16);
  const device::Buffer result = device::take(*arena, 3 * 64);
  const device::Buffer scratch = rig.space(device->sizer().attention_scratch_bytes(shape, 1, 3));
  device::AttentionArgs attention;
  attention.pages = pages;
  attention.heads = 1;
  attention.scratch = scratch;
  attention.causal = false;
  const auto step = [&](const device::Rows& of) {
    const Mat its{x.buffer, of.count, 16, 16};
    rig.stream().fill(out.buffer, std::byte{0});
    rig.stream().kv_write({pages, of, its, its});
    attention.rows = of;
    attention.q = its;
    attention.out = {out.buffer, of.count, 16, 16};
    rig.stream().attention(attention);
    rig.stream().read(host_bytes(result), out.buffer);
  };
  const auto values = [&] {
    rig.stream().sync();
    std::vector<float> got(3 * 16);
    std::memcpy(got.data(), host_bytes(result).data(), 3 * 64);
    return got;
  };
  rig.stream().begin_recording();
  step(rows);
  const auto recording = rig.stream().end_recording();
  rig.stream().replay(*recording);
  const std::vector<float> replayed = values();
  step(rows);
  EXPECT_EQ(difference(replayed, values()), "");
  // One row instead of three.
  const std::vector<int32_t> sequences = {1, -1, -1}, positions = {0, 0, 0};
  const std::vector<device::Run> runs = {{0, 1, 1, 1}, {0, 0, 0, 0}};
  rig.stream().write(rows.sequences, std::as_bytes(std::span(sequences)));
  rig.stream().write(rows.positions, std::as_bytes(std::span(positions)));
  rig.stream().write(rows.runs, std::as_bytes(std::span(runs)));
  rig.stream().replay(*recording);
  const std::vector<float> smaller = values();
  step(rig.put_rows({0}, {1}, {0, 1}, 1));
  const std::vector<float> alone = values();
  EXPECT_EQ(difference(std::span(smaller).first(16), std::span(alone).first(16)), "");
  EXPECT_EQ(std::vector<float>(smaller.begin() + 16, smaller.end()), std::vector<float>(32, 0.0f));
}

INSTANTIATE_TEST_SUITE_P(Each, Ranks, ::testing::ValuesIn(subjects()),
                         [](const auto& tested) { return name_of(tested.param); });

INSTANTIATE_TEST_SUITE_P(Each, Devices, ::testing::ValuesIn(subjects()),
                         [](const auto& tested) { return name_of(tested.param); });

}  // namespace
}  // namespace gantry::conformance
