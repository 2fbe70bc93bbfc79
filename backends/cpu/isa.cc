#include "backends/cpu/isa.h"

#include <algorithm>
#include <iterator>

#include "base/error.h"
#include "os/cpu_info.h"

namespace gantry::cpu {
namespace {

struct Known {
  const char* name;
  const KernelTable& (*kernels)();
  bool (*usable)(const os::CpuFeatures& features);
};

// From the slowest to the fastest.
constexpr Known kKnown[] = {
    {"scalar", scalar_kernels, [](const os::CpuFeatures&) { return true; }},
#if GANTRY_CPU_VECTORS
    {"avx2", avx2_kernels, [](const os::CpuFeatures& f) { return f.avx2; }},
    {"avx512", avx512_kernels, [](const os::CpuFeatures& f) { return f.avx512; }},
    {"avx512vnni", avx512vnni_kernels, [](const os::CpuFeatures& f) { return f.avx512_vnni; }},
#endif
};

}  // namespace

std::string isas_here() {
  const os::CpuFeatures features = os::cpu_info().features;
  std::string out;
  for (const Known& known : kKnown) {
    if (known.usable(features)) out += (out.empty() ? "" : ", ") + std::string(known.name);
  }
  return out;
}

Isa choose_isa(const std::string& name) {
  const os::CpuFeatures features = os::cpu_info().features;
  for (size_t i = std::size(kKnown); i-- > 0;) {
    const Known& known = kKnown[i];
    if (!known.usable(features)) continue;
    if (name.empty() || name == known.name) return {known.name, &known.kernels()};
  }
  const bool exists =
      std::any_of(std::begin(kKnown), std::end(kKnown), [&](const Known& k) { return name == k.name; });
  throw Error(exists ? ErrorCode::kUnsupported : ErrorCode::kUsage,
              exists ? "this processor has no instruction set '" + name + "'"
                     : "there is no instruction set '" + name + "'",
              "isa", "this machine has: " + isas_here());
}

}  // namespace gantry::cpu
