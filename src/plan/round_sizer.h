// For the plan's tests: a device whose sizes a reader can add up in the head.
#pragma once

#include "base/ids.h"
#include "device/sizer.h"

namespace gantry::plan {

class RoundSizer : public device::Sizer {
 public:
  device::Answer can(device::Operation, quant::Dtype) const override { return {}; }
  uint64_t alignment() const override { return 64; }
  uint64_t packed_bytes(const device::WeightShape& s) const override { return uint64_t{s.rows} * s.cols; }
  uint64_t kv_page_bytes(const device::KvShape& s) const override {
    const uint64_t value_bytes = s.dtype == quant::Dtype::kF32 ? 4 : s.dtype == quant::Dtype::kF16 ? 2 : 1;
    return value_bytes * kPageTokens * s.kv_heads * (s.key_dim + s.value_dim);
  }
  uint64_t linear_scratch_bytes(std::span<const device::WeightShape> s, uint32_t rows) const override {
    return uint64_t{s[0].cols} * rows;
  }
  uint64_t stack_scratch_bytes(const device::WeightShape& s, uint32_t count, uint64_t tokens) const override {
    return s.cols * tokens + count;
  }
  uint64_t attention_scratch_bytes(const device::KvShape&, uint32_t, uint32_t) const override { return 100; }
  uint64_t overhead_bytes() const override { return 1000; }
  uint64_t recording_bytes(uint32_t) const override { return 0; }
};

}  // namespace gantry::plan
