#include "os/cpu_info.h"

#include <gtest/gtest.h>

#include "os/memory_info.h"

namespace gantry::os {
namespace {

TEST(CpuInfo, SaysSomethingConsistent) {
  const CpuInfo info = cpu_info();
  EXPECT_FALSE(info.model.empty());
  EXPECT_GE(info.cores_usable, 1u);
  EXPECT_LE(info.features.avx512_vnni, info.features.avx512);
  EXPECT_LE(info.features.avx512, info.features.avx2);
  EXPECT_EQ(info.features.avx2, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"));
}

TEST(CpuInfo, Quota) {
  EXPECT_EQ(cores_of_quota("max 100000\n"), 0u);
  EXPECT_EQ(cores_of_quota(""), 0u);
  EXPECT_EQ(cores_of_quota("150000 0"), 0u);
  EXPECT_EQ(cores_of_quota("400000 100000\n"), 4u);
  EXPECT_EQ(cores_of_quota("250000 100000"), 2u);
  EXPECT_EQ(cores_of_quota("50000 100000"), 1u);
}

TEST(MemoryInfo, OfThisMachine) {
  const MemoryInfo info = memory_info();
  EXPECT_GT(info.total_bytes, 0u);
  EXPECT_LE(info.available_bytes, info.total_bytes);
}

TEST(MemoryInfo, Meminfo) {
  const MemoryInfo info = parse_meminfo("MemTotal:  2048 kB\nMemFree: 10 kB\nMemAvailable:   1024 kB\n");
  EXPECT_EQ(info.total_bytes, 2048u * 1024);
  EXPECT_EQ(info.available_bytes, 1024u * 1024);
  EXPECT_EQ(parse_meminfo("MemFree: 10 kB\n").available_bytes, 10u * 1024);
  EXPECT_EQ(parse_meminfo("").total_bytes, 0u);
}

TEST(MemoryInfo, GroupLimit) {
  const MemoryInfo machine{1000, 900};
  MemoryInfo info = machine;
  apply_group_limit(info, "max\n", "50", "", "memory.max");
  EXPECT_EQ(info.available_bytes, 900u);
  apply_group_limit(info, "500\n", "300\n", "anon 100\ninactive_file 200\n", "memory.max");
  EXPECT_EQ(info.limit, "memory.max of 500 B");
  EXPECT_EQ(info.total_bytes, 500u);
  EXPECT_EQ(info.available_bytes, 400u);
  apply_group_limit(info, "100\n", "300\n", "", "memory.max");
  EXPECT_EQ(info.available_bytes, 0u);
}

// Version 1 says "none" by a number beyond all memory, and counts the groups below by a name of its own.
TEST(MemoryInfo, LimitsOfOlderGroups) {
  MemoryInfo info{1000, 800};
  apply_group_limit(info, "9223372036854771712\n", "300\n", "", "memory.limit_in_bytes");
  EXPECT_EQ(info.available_bytes, 800U);
  EXPECT_EQ(info.limit, "");
  apply_group_limit(info, "500\n", "300\n", "inactive_file 1\ntotal_inactive_file 200\n",
                    "memory.limit_in_bytes");
  EXPECT_EQ(info.available_bytes, 400U);
}

TEST(MemoryInfo, ALimitOfAddresses) {
  constexpr uint64_t kGib = uint64_t{1} << 30;
  MemoryInfo info{8 * kGib, 6 * kGib};
  apply_address_limit(info, UINT64_MAX, 5);
  EXPECT_EQ(info.limit, "");
  apply_address_limit(info, 4 * kGib, kGib);
  EXPECT_EQ(info.total_bytes, 4 * kGib);
  EXPECT_EQ(info.available_bytes, 2 * kGib + kGib / 2) << "threads take addresses, too";
  EXPECT_EQ(info.limit, "`ulimit -v` of 4 GiB");
  apply_address_limit(info, kGib, 2 * kGib);
  EXPECT_EQ(info.available_bytes, 0U);
}

}  // namespace
}  // namespace gantry::os
