#include "backends/cpu/cpu_sizer.h"

#include <algorithm>
#include <initializer_list>

#include <fmt/format.h>

#include "backends/cpu/kernels/kernels.h"
#include "backends/cpu/pack.h"
#include "backends/cpu/stack_linear.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/ids.h"
#include "os/thread_pool.h"

namespace gantry::cpu {
namespace {

// The widths that serve 0 to 15 tokens: a width is surplus by a quarter at most, two groups read the weights
// (from the cache) twice.
struct Tail {
  uint8_t width[kTailGroupsMax];
};
constexpr Tail kTails[kGroupTokens] = {{{0, 0}}, {{1, 0}},  {{2, 0}},  {{4, 0}}, {{4, 0}}, {{4, 1}},
                                       {{8, 0}}, {{8, 0}},  {{8, 0}},  {{8, 1}}, {{8, 2}}, {{8, 4}},
                                       {{8, 4}}, {{16, 0}}, {{16, 0}}, {{16, 0}}};

// A block of an activation group: q, scale and two numbers for each token.
uint32_t block_stride(uint32_t width) {
  return static_cast<uint32_t>(align_up(uint64_t{width} * (kBlock + 12), kLine));
}

uint64_t group_bytes(uint32_t width, uint32_t cols, bool quantized) {
  if (quantized) return uint64_t{cols / kBlock} * block_stride(width);
  return width <= 1 ? 0 : align_up(uint64_t{cols} * width * sizeof(float), kLine);
}

}  // namespace

uint32_t group_count(uint32_t tokens) {
  uint32_t count = tokens / kGroupTokens;
  for (const uint8_t width : kTails[tokens % kGroupTokens].width) count += width != 0 ? 1 : 0;
  return count;
}

TokenGroup token_group(uint32_t tokens, uint32_t cols, bool quantized, uint32_t index) {
  const uint32_t full = std::min(index, tokens / kGroupTokens);
  TokenGroup group{};
  group.first = full * kGroupTokens;
  group.x_offset = full * group_bytes(kGroupTokens, cols, quantized);
  group.width = kGroupTokens;
  if (full == tokens / kGroupTokens) {
    const Tail& tail = kTails[tokens % kGroupTokens];
    GANTRY_CHECK_LT(index - full, kTailGroupsMax);
    for (uint32_t i = 0; i < index - full; ++i) {
      group.first += tail.width[i];
      group.x_offset += group_bytes(tail.width[i], cols, quantized);
    }
    group.width = tail.width[index - full];
  }
  group.tokens = std::min(group.width, tokens - group.first);
  group.x_stride = quantized ? block_stride(group.width) : 0;
  return group;
}

uint64_t grouped_bytes(uint32_t tokens, uint32_t cols, bool quantized) {
  uint64_t bytes = tokens / kGroupTokens * group_bytes(kGroupTokens, cols, quantized);
  for (const uint8_t width : kTails[tokens % kGroupTokens].width)
    bytes += group_bytes(width, cols, quantized);
  return bytes;
}

KvLayout kv_layout(const device::KvShape& shape) {
  const uint64_t element = shape.dtype == quant::Dtype::kF32 ? 4 : shape.dtype == quant::Dtype::kF16 ? 2 : 1;
  const bool scaled = shape.dtype == quant::Dtype::kQ8_0;
  const auto scale_bytes = [&](uint32_t dim) {
    return scaled ? (uint64_t{dim} + kBlock - 1) / kBlock * kPageTokens * 2 : 0;
  };
  KvLayout out{};
  out.key_dim = shape.key_dim;
  out.value_dim = shape.value_dim;
  out.value_stride = static_cast<uint32_t>(align_up(shape.value_dim, 16));
  uint64_t at = uint64_t{shape.key_dim} * kPageTokens * element;
  out.k_scales = static_cast<uint32_t>(at);
  at = align_up(at + scale_bytes(shape.key_dim), kLine);
  out.value_in_key = shape.value_in_key;
  if (shape.value_in_key) {
    GANTRY_CHECK_LE(shape.value_dim, shape.key_dim);
    out.head_bytes = at;
    out.page_bytes = at * shape.kv_heads;
    return out;
  }
  out.v = static_cast<uint32_t>(at);
  at += uint64_t{out.value_stride} * kPageTokens * element;
  out.v_scales = static_cast<uint32_t>(at);
  out.head_bytes = align_up(at + scale_bytes(shape.value_dim), kLine);
  out.page_bytes = out.head_bytes * shape.kv_heads;
  return out;
}

uint64_t attention_scratch_floats(const KvLayout& layout) {
  // Of each query the weights of a span, the sums of a section and of all sections before it.
  const uint64_t queries = uint64_t{kAttentionQueries} * (kPageTokens + 2 * uint64_t{layout.value_stride});
  return queries + (layout.value_in_key ? uint64_t{kPageTokens} * layout.value_stride : 0);
}

device::Answer CpuSizer::can(device::Operation operation, quant::Dtype dtype) const {
  using device::Operation;
  using quant::Dtype;
  const auto one_of = [&](std::initializer_list<Operation> of) {
    return std::find(of.begin(), of.end(), operation) != of.end();
  };
  const auto answer = [&](bool yes, const char* what) {
    if (yes) return device::Answer{};
    return device::Answer{false, fmt::format("the CPU has no {} of {}", what, quant::facts(dtype).name)};
  };
  if (one_of({Operation::kEmbed, Operation::kLinear, Operation::kExpertLinear, Operation::kHeadLinear}))
    return answer(is_packed(dtype), "weights");
  if (one_of({Operation::kKvWrite, Operation::kAttention, Operation::kExportPage, Operation::kImportPage}))
    return answer(dtype == Dtype::kF32 || dtype == Dtype::kF16 || dtype == Dtype::kQ8_0, "pages");
  return answer(dtype == Dtype::kF32, "activations");
}

uint64_t CpuSizer::packed_bytes(const device::WeightShape& shape) const {
  return tile_count(shape.rows) * tile_bytes(shape.dtype, shape.cols);
}

uint64_t CpuSizer::kv_page_bytes(const device::KvShape& shape) const { return kv_layout(shape).page_bytes; }

uint64_t CpuSizer::linear_scratch_bytes(std::span<const device::WeightShape> shapes,
                                        uint32_t rows_max) const {
  uint64_t bytes = 0;
  for (size_t i = 0; i < shapes.size(); ++i) {
    const PackFacts facts = pack_facts(shapes[i].dtype);
    const bool new_way = std::none_of(shapes.begin(), shapes.begin() + static_cast<std::ptrdiff_t>(i),
                                      [&](const auto& shape) { return pack_facts(shape.dtype) == facts; });
    if (new_way) bytes += grouped_bytes(rows_max, shapes[i].cols, facts.quantized);
  }
  return bytes;
}

uint64_t CpuSizer::stack_scratch_bytes(const device::WeightShape& shape, uint32_t count,
                                       uint64_t tokens_max) const {
  return cpu::stack_scratch_bytes(shape.dtype, shape.cols, count, tokens_max);
}

uint64_t CpuSizer::attention_scratch_bytes(const device::KvShape& shape, uint32_t, uint32_t) const {
  return threads_ * attention_scratch_floats(kv_layout(shape)) * sizeof(float);
}

uint64_t CpuSizer::overhead_bytes() const {
  // The workers' stacks, and a page for the pool and the device themselves.
  constexpr uint64_t kOwn = 4096;
  return (threads_ - 1) * uint64_t{os::ThreadPool::kStackBytes} + kOwn;
}

}  // namespace gantry::cpu
