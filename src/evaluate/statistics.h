// From many numbers to few: mean with its standard error, median, percentiles. One thread.
#pragma once

#include <cstdint>
#include <vector>

namespace gantry::evaluate {

class Sample {
 public:
  void add(double value);
  uint64_t count() const { return values_.size(); }
  double mean() const;
  // Of the mean, as if the values were independent; 0 with fewer than two.
  double standard_error() const;
  double greatest() const;
  // The value that a share of `part` (0..1) lies at or below, between two neighbours linearly.
  double quantile(double part) const;

 private:
  std::vector<double> values_;
};

}  // namespace gantry::evaluate
