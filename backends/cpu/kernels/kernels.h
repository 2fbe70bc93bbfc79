// What one instruction set offers: a table of functions over plain pointers. The same source (attention.cc,
// linear_*.cc, rows.cc) is compiled once for each set, inside a namespace of its own, over the set's vectors
// (vec_*.h). Plain data only, for the reason told in layout.h.
#pragma once

#include <cstdint>

#include "backends/cpu/layout.h"

namespace gantry::cpu {

// out[t][row] = (accumulate ? out[t][row] : 0) + (x[t] . weight[row] + bias[row]), for some tiles and groups.
struct LinearJob {
  const uint8_t* weight;
  uint64_t tile_bytes;
  uint32_t rows, cols;
  const float* x;     // [tokens][x_stride]
  uint8_t* xq;        // the same in groups (layout.h)
  uint64_t x_stride;  // values
  uint32_t tokens;
  const float* bias;  // or null
  bool accumulate;
  float* out;
  uint64_t out_stride;
};

struct AttentionJob {
  const uint8_t* pages;
  KvLayout layout;
  uint8_t element;  // 0: f32, 1: f16, 2: q8_0
  const int32_t* positions;
  const int32_t* sequences;
  const uint32_t* page_tables;
  uint32_t pages_max;
  const float* q;
  uint64_t q_stride;
  uint32_t heads, kv_heads;
  float scale;
  float* out;
  uint64_t out_stride;
};

// Queries that one attention task may hold at once, and the floats of scratch it needs for them.
inline constexpr uint32_t kAttentionQueries = 32;

struct KernelTable {
  // Quantizes the rows of a group for weights of a kind; `zero` is the weights' kZero.
  void (*quantize_group)(const LinearJob& job, const TokenGroup& group, SumsKind sums, int32_t zero);
  // Lays a group's rows out for float weights. A group of one token needs none.
  void (*pack_group)(const LinearJob& job, const TokenGroup& group);
  // Tiles [tile0, tile1) for one group. By quant::Dtype; null where there is none.
  void (*linear[32])(const LinearJob& job, const TokenGroup& group, uint32_t tile0, uint32_t tile1);
  void (*rms_norm)(const float* x, const float* weight, float eps, uint32_t cols, float* out);
  void (*silu_glu)(const float* gate, const float* up, uint32_t count, float* out);
  void (*add)(const float* x, const float* y, uint32_t count, float* out);
  // One row: `heads` heads of `head_dim`, of which the first 2 * pairs turn; table: cosines, then sines.
  void (*rope)(float* x, uint32_t heads, uint32_t head_dim, const float* table, uint32_t pairs, bool neox);
  // Rows [row0, row1) and query heads [head0, head1), all of one KV head; (row1 - row0) * (head1 - head0) is
  // at most kAttentionQueries. scratch: attention_scratch_floats(value_stride).
  void (*attention)(const AttentionJob& job, uint32_t row0, uint32_t row1, uint32_t head0, uint32_t head1,
                    float* scratch);
};

// The files that are compiled for every set, each with a function add_<part>(KernelTable&) that enters what
// it holds. A file of its own for whatever compiles long, so that a change to one leaves the others alone.
#define GANTRY_KERNEL_PARTS  \
  GANTRY_PART(attention)     \
  GANTRY_PART(linear_float)  \
  GANTRY_PART(linear_simple) \
  GANTRY_PART(linear_super)  \
  GANTRY_PART(rows)

// Null-free tables; ask for one only on a processor that has the set.
const KernelTable& scalar_kernels();
const KernelTable& avx2_kernels();
const KernelTable& avx512_kernels();
const KernelTable& avx512vnni_kernels();

}  // namespace gantry::cpu
