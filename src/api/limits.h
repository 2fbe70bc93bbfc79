// What one request may ask for, whatever its dialect.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gantry::api {

inline constexpr uint32_t kJsonDepthMax = 64;
inline constexpr size_t kJsonValuesMax = size_t{1} << 20;  // values in one body: bounds the memory of parsing
inline constexpr size_t kJsonKeysMax = 1024;               // keys of one object
inline constexpr uint32_t kChoicesMax = 16;                // answers to one prompt
inline constexpr uint32_t kPromptsMax = 64;                // prompts in one request

}  // namespace gantry::api
