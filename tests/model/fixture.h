// What the model tests share: a registry with the CPU, logits of a file as a table of floats, error measures.
#pragma once

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "backends/cpu/cpu_backend.h"
#include "fleet/live_model.h"
#include "model/loaded_model.h"
#include "tests/device/lazy_device.h"
#include "tests/shared_data.h"

namespace gantry::testing {

inline const device::Registry& registry() {
  static const device::Registry* const instance = [] {
    auto* made = new device::Registry;
    const char* lazy = std::getenv("GANTRY_TEST_LAZY");  // the same tests on a device that works late
    made->add(lazy != nullptr ? device::make_lazy_backend(cpu::make_cpu_backend(), {1})
                              : cpu::make_cpu_backend());
    return made;
  }();
  return *instance;
}

inline std::vector<float> to_floats(const std::string& bytes) {
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

inline std::vector<TokenId> read_tokens(const std::string& path) {
  std::ifstream in(path);
  std::vector<TokenId> tokens;
  for (TokenId token; in >> token;) tokens.push_back(token);
  return tokens;
}

// [tokens, vocab]
inline std::vector<float> logits_of(const fleet::LoadSettings& settings, const std::vector<TokenId>& tokens,
                                    uint32_t slice = 0) {
  std::string out;
  fleet::debug_logits(registry(), settings, tokens, slice, [&](std::span<const std::byte> bytes) {
    out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  });
  return to_floats(out);
}

// Normalized mean squared error: sum (a-b)^2 / sum b^2.
inline double nmse(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size() || a.empty()) return INFINITY;
  double error = 0, power = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double x = static_cast<double>(a[i]), y = static_cast<double>(b[i]);
    error += (x - y) * (x - y);
    power += y * y;
  }
  return error / power;
}

inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// Every arena of the plan, to the byte.
inline void expect_taken(const model::LoadedModel& loaded, const plan::DevicePlan& device) {
  ASSERT_EQ(loaded.arenas().size(), device.arenas.size());
  for (size_t i = 0; i < device.arenas.size(); ++i) {
    EXPECT_EQ(loaded.arenas()[i]->taken(), device.arenas[i].bytes) << name_of(device.arenas[i].kind);
    EXPECT_TRUE(loaded.arenas()[i]->sealed());
  }
}

// The instruction sets that this CPU has.
inline std::vector<std::string> usable_isas() {
  std::vector<std::string> found;
  for (const char* isa : {"scalar", "avx2", "avx512"}) {
    try {
      registry().open("cpu", {isa, 1, 0});
      found.emplace_back(isa);
    } catch (const Error&) {
    }
  }
  return found;
}

}  // namespace gantry::testing
