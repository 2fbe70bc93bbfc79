// Where a part of a text lies.
#pragma once

#include <cstddef>

namespace gantry {

// Bytes, from begin to before end.
struct Range {
  size_t begin = 0, end = 0;
  size_t size() const { return end - begin; }
  bool operator==(const Range&) const = default;
};

}  // namespace gantry
