#include "backends/cpu/isa.h"

#include <algorithm>
#include <iterator>

#include "base/error.h"
#include "os/cpu_info.h"

namespace gantry::cpu {
namespace {

struct Known {
  const char* name;
  const KernelTable& (*kernels)();  // null: this build leaves it out
  bool (*usable)(const os::CpuFeatures& features);
};

// From the slowest to the fastest.
constexpr Known kKnown[] = {
    {"scalar", scalar_kernels, [](const os::CpuFeatures&) { return true; }},
    {"avx2", GANTRY_HAS_AVX2 ? avx2_kernels : nullptr, [](const os::CpuFeatures& f) { return f.avx2; }},
    {"avx512", GANTRY_HAS_AVX512 ? avx512_kernels : nullptr,
     [](const os::CpuFeatures& f) { return f.avx512; }},
    {"avx512vnni", GANTRY_HAS_AVX512VNNI ? avx512vnni_kernels : nullptr,
     [](const os::CpuFeatures& f) { return f.avx512_vnni; }},
};

}  // namespace

std::string isas_here() {
  const os::CpuFeatures features = os::cpu_info().features;
  std::string out;
  for (const Known& known : kKnown) {
    if (known.kernels != nullptr && known.usable(features))
      out += (out.empty() ? "" : ", ") + std::string(known.name);
  }
  return out;
}

Isa choose_isa(const std::string& name) {
  const os::CpuFeatures features = os::cpu_info().features;
  const char* better = nullptr;
  for (size_t i = std::size(kKnown); i-- > 0;) {
    const Known& known = kKnown[i];
    if (!known.usable(features) || (!name.empty() && name != known.name)) continue;
    if (known.kernels != nullptr) return {known.name, &known.kernels(), better};
    if (better == nullptr) better = known.name;
  }
  const auto row = std::ranges::find(kKnown, name, &Known::name);
  const bool exists = row != std::end(kKnown);
  const std::string what = !exists ? "there is no instruction set '" + name + "'"
                           : row->usable(features)
                               ? "this build has no kernels for the instruction set '" + name + "'"
                               : "this processor has no instruction set '" + name + "'";
  throw Error(exists ? ErrorCode::kUnsupported : ErrorCode::kUsage, what, "isa",
              "there is: " + isas_here() + (better != nullptr ? "; a full build has more: ./dev build" : ""));
}

}  // namespace gantry::cpu
