// What a step costs on this machine, learnt from the steps that were: a fixed part (weights are read whatever
// is computed), so much a row, a pick, and a position that rows look back at. What was measured of steps of
// about one size is kept apart from what others were, so that a long run of equal steps does not drown what
// is known of all others; one that is not repeated ages. Fitted to relative errors, no part below zero
// (Lawson and Hanson 1974, chapter 23), by coordinate descent. One thread; allocates nothing.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace gantry::engine {

// Positions that so many rows of one sequence see from a position on, themselves too.
constexpr uint64_t reach_of(uint64_t position, uint32_t rows) {
  return rows * position + uint64_t{rows} * (rows + 1) / 2;
}

struct StepWork {
  uint32_t rows = 0, picks = 0;
  uint64_t reach = 0;  // reach_of() all sequences

  // `count` more rows of one sequence from a position on.
  void add(uint64_t position, uint32_t count, uint32_t picked) {
    rows += count;
    picks += picked;
    reach += reach_of(position, count);
  }
};

class StepCost {
 public:
  using Duration = std::chrono::nanoseconds;

  // Whether that was about what had been expected.
  bool took(const StepWork& work, Duration time);
  bool known() const { return known_; }
  // Seconds; 0 while nothing is known.
  double of(const StepWork& work) const;
  double of_row(uint64_t position) const;
  double of_pick() const { return each_[2]; }

 private:
  static constexpr size_t kParts = 4, kSizes = 2 * 33;
  using Parts = std::array<double, kParts>;

  struct Seen {
    Parts work{};        // the mean
    double seconds = 0;  // likewise
    double weight = 0;
    uint64_t at = 0;  // which step was the last
  };

  static Parts parts_of(const StepWork& work);
  void fit();

  std::array<Seen, kSizes> seen_{};  // by size, and whether all rows are picked from
  Parts each_{};                     // seconds
  uint64_t steps_ = 0;
  bool known_ = false;
};

}  // namespace gantry::engine
