// A full page of some prefix has a name as long as its content is known, wherever it lies: the number of its
// entry in the prefix index.
#pragma once

#include <cstdint>

namespace gantry::kv {

using NameId = uint32_t;
inline constexpr NameId kNoName = 0xffffffffu;

inline constexpr uint32_t kNoPlace = 0xffffffffu;  // on a tier beyond the device

}  // namespace gantry::kv
