#include "bench/samples.h"

#include <algorithm>
#include <cmath>

namespace gantry::bench {
namespace {

constexpr size_t kBuckets = size_t{Samples::kPerDoubling} * Samples::kDoublings;

size_t bucket_of(double seconds) {
  const double place =
      std::log2(std::max(seconds, Samples::kLeast) / Samples::kLeast) * Samples::kPerDoubling;
  return static_cast<size_t>(std::clamp(place, 0.0, static_cast<double>(kBuckets - 1)));
}

double middle_of(size_t bucket) {
  return Samples::kLeast * std::exp2((static_cast<double>(bucket) + 0.5) / Samples::kPerDoubling);
}

}  // namespace

void Samples::add(double seconds) {
  if (!(seconds >= 0)) seconds = 0;
  if (buckets_.empty()) buckets_.resize(kBuckets);
  ++buckets_[bucket_of(seconds)];
  least_ = count_ == 0 ? seconds : std::min(least_, seconds);
  most_ = std::max(most_, seconds);
  ++count_;
  sum_ += seconds;
}

void Samples::add(const Samples& others) {
  if (others.count_ == 0) return;
  if (buckets_.empty()) buckets_.resize(kBuckets);
  for (size_t i = 0; i < kBuckets; ++i) buckets_[i] += others.buckets_[i];
  least_ = count_ == 0 ? others.least_ : std::min(least_, others.least_);
  most_ = std::max(most_, others.most_);
  count_ += others.count_;
  sum_ += others.sum_;
}

double Samples::quantile(double share) const {
  if (count_ == 0) return 0;
  const auto rank = static_cast<uint64_t>(
      std::clamp(std::ceil(share * static_cast<double>(count_)), 1.0, static_cast<double>(count_)));
  if (rank == count_) return most_;
  uint64_t before = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    before += buckets_[i];
    if (before >= rank) return std::clamp(middle_of(i), least_, most_);
  }
  return most_;
}

}  // namespace gantry::bench
