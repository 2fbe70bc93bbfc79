// What one instruction set offers: a table of functions over plain pointers. The same source (attention.cc,
// linear_*.cc, rows.cc) is compiled once for each set, inside a namespace of its own, over the set's vectors
// (vec_*.h). Plain data only, for the reason told in layout.h.
#pragma once

#include <cstdint>

#include "backends/cpu/layout.h"
#include "device/run.h"

namespace gantry::cpu {

// out[t][row] = (accumulate ? out[t][row] : 0) + (x[t] . weight[row] + bias[row]), for some tiles and groups.
// The sum over k is cut in sections, which a tree adds (device/sections.h); where they come to several nodes
// of it, node i goes to out + i * node_stride.
struct LinearJob {
  const uint8_t* weight;
  uint64_t tile_bytes;
  uint32_t rows, cols;
  uint32_t sections;
  const uint32_t* borders;  // [sections + 1], values of k
  const uint8_t* joins;     // [sections]
  const float* x;           // [tokens][x_stride]
  const int32_t* x_rows;    // the row of x that a token is; null: its own number
  uint8_t* xq;              // the same in groups (layout.h)
  uint64_t x_stride;        // values
  uint32_t tokens;
  const float* bias;  // or null
  bool accumulate;
  float* out;
  uint64_t out_stride, node_stride;
};

struct AttentionJob {
  const uint8_t* pages;
  KvLayout layout;
  uint8_t element;  // 0: f32, 1: f16, 2: q8_0
  const int32_t* positions;
  const int32_t* sequences;  // negative: padding, left out
  const device::Run*
      runs;  // [run_count] of all rows in order, where rows see all that theirs reaches; else null
  uint32_t run_count;
  const uint32_t* page_tables;
  uint32_t pages_max;
  const float* q;
  uint64_t q_stride;
  uint32_t heads, kv_heads;
  float scale;
  float* out;
  uint64_t out_stride;
  float cap;            // 0: none
  uint32_t window;      // 0: all
  const float* slopes;  // [heads], or null
  const float* sinks;   // [heads], or null
};

// One sequence's rows through a part of its state (device/recurrent_ops.h). Pointers are to the first row's
// first value of the channel or head at hand; strides in values.
inline constexpr uint32_t kConvTaps = 32;    // device::kConvTapsMax
inline constexpr uint32_t kDeltaKeys = 256;  // device::kDeltaKeyDimMax
struct ConvJob {
  uint32_t rows, channels, taps;
  const float* x;
  uint64_t x_stride;
  const float* weight;  // [channels][taps]
  const float* bias;    // or null
  bool silu;
  float* state;  // [taps - 1][channels]
  float* out;
  uint64_t out_stride;
};
struct ScanJob {
  uint32_t rows, state_dim;
  const float* x;
  uint64_t x_stride;
  const float *b, *c;  // of the head's group
  uint64_t bc_stride;
  const float* dt;
  uint64_t dt_stride;
  float a, d, dt_bias;
  float* state;  // [head_dim][state_dim]
  float* out;
  uint64_t out_stride;
};
struct DeltaJob {
  uint32_t rows, key_dim, value_dim;
  const float *q, *k;  // of the head's key head
  uint64_t qk_stride;
  const float* v;
  uint64_t v_stride;
  const float* alpha;
  uint64_t alpha_stride;
  const float* beta;
  uint64_t beta_stride;
  float a, dt_bias;
  float* state;  // [key_dim][value_dim]
  float* out;
  uint64_t out_stride;
};

// Norm of rows of `cols` values.
struct NormJob {
  const float* weight;  // [cols], or null
  const float* bias;    // [cols], or null
  float eps;
  uint32_t cols;
};

// Kinds of activation, as device::Activation counts them.
inline constexpr uint32_t kActivationKinds = 7;

// Parts of the sum of a linear layer, and those that wait to be added: device::kSectionsMax, kSectionStack.
inline constexpr uint32_t kPartsMax = 16, kWaitingParts = 7;

// Queries that one attention task may hold at once, and the floats of scratch it needs for them.
inline constexpr uint32_t kAttentionQueries = 32;

struct KernelTable {
  // Quantizes the rows of a group for weights of a kind; `zero` is the weights' kZero.
  void (*quantize_group)(const LinearJob& job, const TokenGroup& group, SumsKind sums, int32_t zero);
  // Lays a group's rows out for float weights. A group of one token needs none.
  void (*pack_group)(const LinearJob& job, const TokenGroup& group);
  // Tiles [tile0, tile1) for one group. By quant::Dtype; null where there is none.
  void (*linear[48])(const LinearJob& job, const TokenGroup& group, uint32_t tile0, uint32_t tile1);
  // A row's values from a router's scores; may be in place.
  void (*softmax)(const float* x, uint32_t count, float* out);
  void (*sigmoid)(const float* x, uint32_t count, float* out);
  // out = (accumulate ? out : 0) + the sum over slots, in order, of weights[s] * y[places[s]].
  void (*combine)(const float* y, uint64_t y_stride, const int32_t* places, const float* weights,
                  uint32_t slots, uint32_t cols, bool accumulate, float* out);
  void (*rms_norm)(const float* x, const NormJob& job, float* out);
  void (*layer_norm)(const float* x, const NormJob& job, float* out);
  // By device::Activation.
  void (*glu[kActivationKinds])(const float* gate, const float* up, uint32_t count, float* out);
  void (*activate[kActivationKinds])(const float* x, uint32_t count, float* out);
  void (*add)(const float* x, const float* y, float scale, uint32_t count, float* out);
  void (*scale)(const float* x, float scale, float clamp, float cap, uint32_t count, float* out);
  // One row: `heads` heads of `head_dim`, of which the first 2 * pairs turn; table: cosines, then sines.
  void (*rope)(float* x, uint32_t heads, uint32_t head_dim, const float* table, uint32_t pairs, bool neox);
  // Rows [row0, row1) and query heads [head0, head1), all of one KV head; (row1 - row0) * (head1 - head0) is
  // at most kAttentionQueries. scratch: attention_scratch_floats(layout).
  void (*attention)(const AttentionJob& job, uint32_t row0, uint32_t row1, uint32_t head0, uint32_t head1,
                    float* scratch);
  void (*short_conv)(const ConvJob& job, uint32_t channel);  // 16 channels from this one, or what is left
  void (*selective_scan)(const ScanJob& job, uint32_t first, uint32_t end);  // these values of one head
  void (*gated_delta)(const DeltaJob& job, uint32_t value);  // 16 values of one head, or what is left
  void (*l2_norm)(const float* x, float eps, float scale, uint32_t cols, float* out);
  void (*gate)(const float* x, const float* gate, bool smooth, uint32_t count, float* out);
};

// The files of this folder, each with a function add_<part>(KernelTable&) that enters what it holds. A file
// of its own for whatever compiles long, so that a change to one leaves the others alone. What multiplies
// integers is compiled for every set, the others not again for a set that only adds a product of integers
// (VNNI).
#define GANTRY_INTEGER_PARTS   \
  GANTRY_PART(linear_few_bits) \
  GANTRY_PART(linear_levels)   \
  GANTRY_PART(linear_simple)   \
  GANTRY_PART(linear_super)
#define GANTRY_FLOAT_PARTS  \
  GANTRY_PART(attention)    \
  GANTRY_PART(experts)      \
  GANTRY_PART(linear_float) \
  GANTRY_PART(recurrent)    \
  GANTRY_PART(rows)

// Null-free tables; ask for one only on a processor that has the set.
const KernelTable& scalar_kernels();
const KernelTable& avx2_kernels();
const KernelTable& avx512_kernels();
const KernelTable& avx512vnni_kernels();

}  // namespace gantry::cpu
