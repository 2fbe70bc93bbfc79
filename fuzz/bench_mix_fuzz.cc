// A mix file: either it is refused with a place, or every kind of it draws requests within its limits.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "bench/mix.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gantry;
  try {
    const bench::Mix mix = bench::read_mix({reinterpret_cast<const char*>(data), size}, "mix.toml");
    if (mix.kinds.empty() || mix.kinds.size() > bench::kKindsMax) __builtin_trap();
    for (const bench::Kind& kind : mix.kinds) {
      for (const bench::Range* range : {&kind.prompt, &kind.new_tokens, &kind.turns, &kind.cancel_after}) {
        for (const double u : {0.0, 0.3, 0.999999999}) {
          const uint32_t drawn = range->draw(u, 1 - u);
          if (drawn < range->least || drawn > range->most) __builtin_trap();
        }
      }
    }
  } catch (const Error& error) {
    if (error.where().empty() || error.message().empty()) __builtin_trap();
  }
  return 0;
}
