// Programs over several streams and two devices, drawn from the input, on a lazy device in an order that the
// input gives: they compute what they compute when all is done at once.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "backends/cpu/cpu_backend.h"
#include "base/check.h"
#include "tests/device/lazy_device.h"
#include "tests/device/program.h"

namespace {

using gantry::device::Backend;

std::vector<float> run(const Backend& backend, const uint8_t* data, size_t size) {
  constexpr size_t kBytesPerStep = 8;
  constexpr uint32_t kStepsMax = 300;
  size_t at = 0;
  const std::function<uint32_t()> draw = [&]() -> uint32_t {
    uint32_t value = 0;
    for (int i = 0; i < 2; ++i) value = value << 8 | (at < size ? data[at++] : 0u);
    return value;
  };
  const auto steps = static_cast<uint32_t>(std::min<size_t>(kStepsMax, size / kBytesPerStep));
  return gantry::device::run_program(backend, draw, {.steps = steps, .forget = false});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 8) return 0;
  uint64_t order = 0;
  std::memcpy(&order, data, sizeof(order));
  static const auto plain = gantry::cpu::make_cpu_backend();
  const auto lazy = gantry::device::make_lazy_backend(gantry::cpu::make_cpu_backend(), {order});
  const std::vector<float> want = run(*plain, data + 8, size - 8), got = run(*lazy, data + 8, size - 8);
  GANTRY_CHECK_EQ(got.size(), want.size());
  GANTRY_CHECK(std::memcmp(got.data(), want.data(), want.size() * sizeof(float)) == 0);
  return 0;
}
