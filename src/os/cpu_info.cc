#include "os/cpu_info.h"

#include <algorithm>
#include <cstring>
#include <sstream>

#include <cpuid.h>
#include <sched.h>
#include <unistd.h>

#include "os/control_group.h"

namespace gantry::os {
namespace {

struct Leaf {
  uint32_t a = 0, b = 0, c = 0, d = 0;
};

Leaf leaf(uint32_t number, uint32_t sub = 0) {
  Leaf out;
  __get_cpuid_count(number, sub, &out.a, &out.b, &out.c, &out.d);
  return out;
}

// Which register states the operating system saves (XCR0).
uint64_t saved_states() {
  uint32_t low = 0;
  uint32_t high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t{high} << 32) | low;
}

// Bits as in Intel's "Software developer's manual", volume 2, CPUID.
CpuFeatures features() {
  CpuFeatures out;
  const Leaf one = leaf(1);
  constexpr uint32_t kFma = 1u << 12, kOsXsave = 1u << 27, kAvx = 1u << 28, kF16c = 1u << 29;
  if ((one.c & kOsXsave) == 0) return out;
  const uint64_t saved = saved_states();
  constexpr uint64_t kYmm = 0x6, kZmm = 0xe6;
  const Leaf seven = leaf(7);
  constexpr uint32_t kAvx2 = 1u << 5, kFoundation = 1u << 16, kDq = 1u << 17, kBw = 1u << 30, kVl = 1u << 31;
  constexpr uint32_t kVnni = 1u << 11;
  const uint32_t base = kFma | kAvx | kF16c;
  out.avx2 = (one.c & base) == base && (seven.b & kAvx2) != 0 && (saved & kYmm) == kYmm;
  const uint32_t wide = kFoundation | kDq | kBw | kVl;
  out.avx512 = out.avx2 && (seven.b & wide) == wide && (saved & kZmm) == kZmm;
  out.avx512_vnni = out.avx512 && (seven.c & kVnni) != 0;
  return out;
}

std::string model_name() {
  char name[49] = {};
  if (__get_cpuid_max(0x80000000u, nullptr) >= 0x80000004u) {
    for (uint32_t i = 0; i < 3; ++i) {
      const Leaf part = leaf(0x80000002u + i);
      std::memcpy(name + 16 * i, &part, 16);
    }
  }
  std::istringstream words(name);
  std::string out;
  for (std::string word; words >> word;) out += (out.empty() ? "" : " ") + word;
  return out.empty() ? "x86-64 CPU" : out;
}

uint32_t cores_of_affinity(uint32_t online) {
  // A mask for 8192 processors: the kernel refuses a shorter one than it uses itself.
  constexpr size_t kMaskWords = 128;
  unsigned long mask[kMaskWords] = {};
  if (sched_getaffinity(0, sizeof(mask), reinterpret_cast<cpu_set_t*>(mask)) != 0) return online;
  uint32_t count = 0;
  for (const unsigned long word : mask) count += static_cast<uint32_t>(__builtin_popcountl(word));
  return std::max(count, 1u);
}

}  // namespace

uint32_t cores_of_quota(const std::string& cpu_max) {
  std::istringstream in(cpu_max);
  uint64_t quota = 0;
  uint64_t period = 0;
  if (!(in >> quota >> period) || period == 0) return 0;
  constexpr uint64_t kMany = 1u << 20;
  return static_cast<uint32_t>(std::clamp<uint64_t>(quota / period, 1, kMany));
}

CpuInfo cpu_info() {
  CpuInfo out;
  out.model = model_name();
  out.features = features();
  out.cores_online = static_cast<uint32_t>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
  out.cores_usable = cores_of_affinity(out.cores_online);
  for (const std::string& text : control_group_files("cpu.max")) {
    if (const uint32_t cores = cores_of_quota(text); cores != 0)
      out.cores_usable = std::min(out.cores_usable, cores);
  }
  return out;
}

}  // namespace gantry::os
