// Whether stored weights are numbers. A scale that is infinite or no number makes its whole block so, and
// every sum that the block is part of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "quant/dtype.h"

namespace gantry::quant {

// Where in `rows`, whole rows of a type that is_coded, the first value or scale stands that is not finite:
// its first byte. None: every value that decode_row makes of them is finite.
std::optional<uint64_t> find_not_finite(Dtype dtype, std::span<const std::byte> rows);

}  // namespace gantry::quant
