// Random programs on a lazy device, in many orders, against the plain one.
#include "tests/device/program.h"

#include <cstring>
#include <random>

#include <gtest/gtest.h>

#include "backends/cpu/cpu_backend.h"
#include "tests/device/lazy_device.h"

namespace gantry::device {
namespace {

constexpr uint64_t kPrograms = 60;

std::vector<float> run(const Backend& backend, uint64_t seed, bool forget = false) {
  std::mt19937_64 random(seed);
  const std::function<uint32_t()> draw = [&] { return static_cast<uint32_t>(random() >> 32); };
  return run_program(backend, draw, {.steps = 150, .forget = forget});
}

bool equal(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

TEST(Program, ComputesTheSameInAnyOrder) {
  const auto plain = cpu::make_cpu_backend();
  for (uint64_t seed = 1; seed <= kPrograms; ++seed) {
    const std::vector<float> want = run(*plain, seed);
    for (const uint64_t order : {uint64_t{0}, seed, seed + 1000}) {
      const auto lazy = make_lazy_backend(cpu::make_cpu_backend(), {order});
      ASSERT_TRUE(equal(run(*lazy, seed), want)) << "program " << seed << ", order " << order;
    }
  }
}

// The orders are such that a program without its waits is found out: by a wrong number, or by the device
// itself.
TEST(ProgramDeathTest, AWaitThatIsMissingShows) {
  const auto plain = cpu::make_cpu_backend();
  EXPECT_DEATH(
      {
        for (uint64_t seed = 1; seed <= kPrograms; ++seed) {
          const std::vector<float> want = run(*plain, seed, true);
          const auto lazy = make_lazy_backend(cpu::make_cpu_backend(), {seed});
          GANTRY_CHECK(equal(run(*lazy, seed, true), want));
        }
      },
      "check failed");
}

}  // namespace
}  // namespace gantry::device
