#include "evaluate/statistics.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace gantry::evaluate {

void Sample::add(double value) { values_.push_back(value); }

double Sample::mean() const {
  double sum = 0;
  for (const double value : values_) sum += value;
  return values_.empty() ? 0 : sum / static_cast<double>(values_.size());
}

double Sample::standard_error() const {
  if (values_.size() < 2) return 0;
  const double middle = mean(), count = static_cast<double>(values_.size());
  double squares = 0;
  for (const double value : values_) squares += (value - middle) * (value - middle);
  return std::sqrt(squares / (count - 1) / count);
}

double Sample::greatest() const {
  GANTRY_CHECK(!values_.empty());
  return *std::max_element(values_.begin(), values_.end());
}

double Sample::quantile(double part) const {
  GANTRY_CHECK(!values_.empty());
  std::vector<double> sorted = values_;
  std::sort(sorted.begin(), sorted.end());
  const double at = std::clamp(part, 0.0, 1.0) * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(at);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (at - static_cast<double>(below));
}

}  // namespace gantry::evaluate
