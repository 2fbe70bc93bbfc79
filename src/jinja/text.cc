#include "jinja/text.h"

#include <algorithm>

namespace gantry::jinja {

size_t Given::behind(size_t at) const {
  if (none() || first_.end > at) return 0;
  const auto it = std::upper_bound(rest_.begin(), rest_.end(), at,
                                   [](size_t place, const Range& range) { return place < range.end; });
  return 1 + static_cast<size_t>(it - rest_.begin());
}

void Given::add_part(size_t at, const Given& other, Range part) {
  if (other.none()) return;
  for (size_t i = other.behind(part.begin); i <= other.rest_.size(); ++i) {
    const Range range = other.nth(i);
    if (range.begin >= part.end) break;
    add({at + std::max(range.begin, part.begin) - part.begin,
         at + std::min(range.end, part.end) - part.begin});
  }
}

bool Given::any_in(Range part) const {
  const size_t i = behind(part.begin);
  return !none() && i <= rest_.size() && part.begin < part.end && nth(i).begin < part.end;
}

}  // namespace gantry::jinja
