// What a device can do, and how many bytes things take in its own layout. Pure: needs no device, so a plan
// for a machine that is only described gives the same numbers as one for the machine at hand (contracts M1,
// P3). All sizes are in bytes and already include the padding and alignment that the device wants; offsets
// inside an arena are multiples of alignment().
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "device/operations.h"
#include "quant/dtype.h"

namespace gantry::device {

// A weight matrix [rows, cols]: `rows` outputs, each a row of `cols` inputs as GGUF stores it. A split of the
// inputs falls on multiples of `unit` (device/sections.h). A rank's part of a layer has `cols` columns from
// `first_col` on of the `whole_cols` that the layer has: some whole sections.
inline constexpr uint32_t kSectionUnit = 256;
struct WeightShape {
  quant::Dtype dtype = quant::Dtype::kF32;
  uint32_t rows = 0;
  uint32_t cols = 0;
  uint32_t unit = kSectionUnit;
  uint32_t first_col = 0, whole_cols = 0;  // 0: all columns

  uint32_t layer_cols() const { return whole_cols != 0 ? whole_cols : cols; }  // of the whole layer
  bool is_part() const { return cols != layer_cols(); }
};

// One layer's part of a KV page: kPageTokens positions of K and of V for every KV head.
struct KvShape {
  quant::Dtype dtype = quant::Dtype::kF16;  // kF32, kF16 or kQ8_0
  uint32_t kv_heads = 0;
  uint32_t key_dim = 0;       // values per head in K
  uint32_t value_dim = 0;     // values per head in V
  bool value_in_key = false;  // V is the first value_dim values of K and is not stored
};

// Whether a device can do something, and if not, why.
struct Answer {
  bool yes = true;
  std::string reason;  // of a no: "no kernel for TQ1_0"
  explicit operator bool() const { return yes; }
};

class Sizer {
 public:
  virtual ~Sizer() = default;
  // Asked before a plan is made. `dtype`: of the weight (embeddings, linear layers of all kinds), of the
  // pages (keys and values, attention, pages on their way out and in), kF32 for everything else.
  virtual Answer can(Operation operation, quant::Dtype dtype) const = 0;
  virtual uint64_t alignment() const = 0;
  // A weight as Stream::linear and Stream::embed read it.
  virtual uint64_t packed_bytes(const WeightShape& shape) const = 0;
  // One page of one layer, K and V together.
  virtual uint64_t kv_page_bytes(const KvShape& shape) const = 0;
  // What linear() needs beside its operands for x [rows_max, cols] and weights of these shapes in one call.
  virtual uint64_t linear_scratch_bytes(std::span<const WeightShape> shapes, uint32_t rows_max) const = 0;
  // What expert_linear() and head_linear() need beside their operands for `tokens_max` tokens of all `count`
  // matrices together, however they are shared out.
  virtual uint64_t stack_scratch_bytes(const WeightShape& shape, uint32_t count,
                                       uint64_t tokens_max) const = 0;
  // What attention() needs beside its operands for q [rows_max, heads * key_dim].
  virtual uint64_t attention_scratch_bytes(const KvShape& shape, uint32_t heads, uint32_t rows_max) const = 0;
  // Memory that the backend takes for itself beside all arenas (driver context, library workspaces, thread
  // stacks).
  virtual uint64_t overhead_bytes() const = 0;
  // And for a recording (recording.h) of at most so many calls.
  virtual uint64_t recording_bytes(uint32_t calls) const = 0;
};

}  // namespace gantry::device
