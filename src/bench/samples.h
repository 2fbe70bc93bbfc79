// Durations as a histogram: percentiles of any number of them in 35 KiB. Buckets are equal in proportion, so
// that a percentile is within 0.3 % of the exact one; count, mean, least and greatest are exact.
#pragma once

#include <cstdint>
#include <vector>

namespace gantry::bench {

class Samples {
 public:
  static constexpr double kLeast = 1e-6;         // seconds; what is shorter is counted there
  static constexpr uint32_t kPerDoubling = 128;  // buckets
  static constexpr uint32_t kDoublings = 34;     // up to 4.7 hours

  void add(double seconds);
  void add(const Samples& others);

  uint64_t count() const { return count_; }
  double sum() const { return sum_; }
  double mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }
  double most() const { return most_; }
  // The smallest one that `share` of them do not exceed, 0 <= share <= 1; of none 0.
  double quantile(double share) const;

 private:
  std::vector<uint64_t> buckets_;  // empty: no sample
  uint64_t count_ = 0;
  double sum_ = 0, least_ = 0, most_ = 0;
};

}  // namespace gantry::bench
