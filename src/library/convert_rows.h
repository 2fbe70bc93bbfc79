// Inside library only: the rows of one tensor from one type to another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "base/error.h"
#include "quant/dtype.h"

namespace gantry::library {

// Whole rows of `row_values` values. Every row is encoded by itself, so the bytes do not depend on `threads`.
// Error kBadFile names the first row that cannot be encoded. `stopped` is asked by all threads, every few
// tens of milliseconds; true: Error cancelled().
void convert_rows(quant::Dtype from, std::span<const std::byte> src, quant::Dtype to,
                  std::span<std::byte> dst, uint64_t row_values, unsigned threads,
                  const std::function<bool()>& stopped);

Error cancelled();

}  // namespace gantry::library
