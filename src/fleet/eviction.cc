#include "fleet/eviction.h"

#include <algorithm>

namespace gantry::fleet {
namespace {

Shares sum_of(std::span<const Shares> idle, const std::vector<size_t>& chosen) {
  Shares sum;
  for (const size_t i : chosen) sum.insert(sum.end(), idle[i].begin(), idle[i].end());
  return sum;
}

}  // namespace

std::vector<size_t> choose_evictions(std::span<const Shares> idle,
                                     const std::function<bool(const Shares& given_back)>& fits) {
  std::vector<size_t> chosen;
  bool enough = false;
  for (size_t i = 0; i < idle.size() && !enough; ++i) {
    chosen.push_back(i);
    enough = fits(sum_of(idle, chosen));
  }
  if (!enough) return {};
  // Without the last one it was not enough; one of the others may not be needed any more.
  for (size_t at = chosen.size() - 1; at-- > 0;) {
    std::vector<size_t> fewer = chosen;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(at));
    if (fits(sum_of(idle, fewer))) chosen = std::move(fewer);
  }
  return chosen;
}

}  // namespace gantry::fleet
