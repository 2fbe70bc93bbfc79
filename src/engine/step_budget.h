// How many rows a step may have so that it takes about as long as it may: a client that goes, a short prompt
// and a deadline are looked at between steps only. What a step costs is not known beforehand (model, context,
// instruction set, neighbours): it is taken to be a fixed part and so much a row, fitted to the last steps
// (weighted least squares). Where the fixed part alone is long, as much again is allowed for rows: smaller
// steps would only repeat it. The budget begins small and at most doubles from step to step. One thread;
// pure.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace gantry::engine {

class StepBudget {
 public:
  using Duration = std::chrono::nanoseconds;

  static constexpr uint32_t kFirst = 64;  // rows

  // most: rows that a step may ever have. limit: of a step's time; 0: none.
  StepBudget(uint32_t most, Duration limit)
      : most_(most),
        limit_(std::chrono::duration<double>(limit).count()),
        rows_(limit == Duration::zero() ? most : std::min(most, kFirst)) {}

  uint32_t rows() const { return rows_; }
  // A step of `rows` rows took so long.
  void took(uint32_t rows, Duration time) {
    if (limit_ == 0 || rows == 0) return;
    learn(rows, std::chrono::duration<double>(time).count());
    const double each = slope(), fixed = std::max(0.0, (sum_y_ - each * sum_x_) / weight_);
    const double room = std::max(limit_ - fixed, fixed);
    const double wanted = each > 0 ? room / each : most_;
    const uint32_t reached = std::max(rows, rows_ / 2);  // of what was never tried nothing is known
    rows_ = static_cast<uint32_t>(std::clamp(wanted, 1.0, std::min<double>(most_, 2.0 * reached)));
  }

 private:
  void learn(double x, double y) {
    constexpr double kKept = 0.9;  // of the weight of what is older
    weight_ = kKept * weight_ + 1;
    sum_x_ = kKept * sum_x_ + x;
    sum_y_ = kKept * sum_y_ + y;
    sum_xx_ = kKept * sum_xx_ + x * x;
    sum_xy_ = kKept * sum_xy_ + x * y;
  }
  // Seconds a row. Steps that were all of one size do not tell the fixed part: then there is none.
  double slope() const {
    constexpr double kSpread = 0.01;  // of the sizes: the least variance that tells something
    const double mean = sum_x_ / weight_, variance = sum_xx_ / weight_ - mean * mean;
    if (variance < kSpread * mean * mean) return sum_y_ / sum_x_;
    return std::max(0.0, (sum_xy_ / weight_ - mean * sum_y_ / weight_) / variance);
  }

  const uint32_t most_;
  const double limit_;  // seconds
  uint32_t rows_;
  double weight_ = 0, sum_x_ = 0, sum_y_ = 0, sum_xx_ = 0, sum_xy_ = 0;
};

}  // namespace gantry::engine
