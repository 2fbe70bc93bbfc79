// Sizes in a CPU device's layout, and the arithmetic of that layout. Pure; any thread.
#pragma once

#include <cstdint>

#include "backends/cpu/layout.h"
#include "device/sizer.h"

namespace gantry::cpu {

// How `tokens` rows are cut into groups (layout.h). At most this many beside the full ones.
inline constexpr uint32_t kTailGroupsMax = 2;
uint32_t group_count(uint32_t tokens);
// Group `index` of `tokens` rows, for weights of `cols` columns.
TokenGroup token_group(uint32_t tokens, uint32_t cols, bool quantized, uint32_t index);
uint64_t grouped_bytes(uint32_t tokens, uint32_t cols, bool quantized);  // of all groups; grows with `tokens`

KvLayout kv_layout(const device::KvShape& shape);
uint64_t attention_scratch_floats(const KvLayout& layout);  // of one thread

class CpuSizer final : public device::Sizer {
 public:
  static constexpr uint64_t kAlignment = kLine;

  explicit CpuSizer(uint32_t threads) : threads_(threads) {}
  device::Answer can(device::Operation operation, quant::Dtype dtype) const override;
  uint64_t alignment() const override { return kAlignment; }
  uint64_t packed_bytes(const device::WeightShape& shape) const override;
  uint64_t kv_page_bytes(const device::KvShape& shape) const override;
  uint64_t linear_scratch_bytes(std::span<const device::WeightShape> shapes,
                                uint32_t rows_max) const override;
  uint64_t stack_scratch_bytes(const device::WeightShape& shape, uint32_t count,
                               uint64_t tokens_max) const override;
  uint64_t attention_scratch_bytes(const device::KvShape& shape, uint32_t heads,
                                   uint32_t rows_max) const override;
  uint64_t overhead_bytes() const override;
  uint64_t recording_bytes(uint32_t) const override { return 0; }  // it records nothing

 private:
  uint32_t threads_;
};

}  // namespace gantry::cpu
