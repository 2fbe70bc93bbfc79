// The kinds of layers, as declarations: which tensors, which shapes, which numbers. The planner counts their
// bytes (plan/), the forward pass walks them (model/forward). A new kind of layer is a new alternative of a
// variant here; every visitor that forgot it no longer compiles.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "device/expert_ops.h"
#include "device/ops.h"
#include "gguf/gguf.h"

namespace gantry::arch {

// Rows or values [first, first + count) of a tensor.
struct Range {
  uint32_t first = 0, count = 0;
};

// A weight matrix: `shape.rows` outputs of `shape.cols` inputs, the rows from `first_row` on of a tensor of
// the file. Fused tensors (q, k and v in one) are several of these. A part of a model may have several
// ranges of rows, and those columns only that its shape says.
struct Matrix {
  const gguf::TensorInfo* tensor = nullptr;  // lives as long as the GgufFile
  device::WeightShape shape;
  uint32_t first_row = 0;
  std::vector<Range> rows = {};  // empty: they lie together; else all of them in order, from first_row on
};

// A vector, used as float32: `size` values from `first` on of a tensor of the file.
struct Vector {
  const gguf::TensorInfo* tensor = nullptr;
  uint32_t size = 0;
  uint32_t first = 0;
  std::vector<Range> values = {};  // as Matrix::rows
};

// `count` matrices of one shape: experts, or heads that each have their own. Matrix i is the rows from
// first_row + i * step_rows on of the one tensor, or, where the file has a tensor for each, of tensor i.
struct MatrixStack {
  std::vector<const gguf::TensorInfo*> tensors;  // one, or `count`
  device::WeightShape shape;                     // of one matrix
  uint32_t count = 0;
  uint32_t first_row = 0, step_rows = 0;
  bool transposed = false;       // the matrix is float32 and those rows are its columns
  bool sparse = false;           // a token needs a few of the matrices only
  std::vector<Range> rows = {};  // as Matrix::rows; those of matrix 0
};

// Rows [first, first + count) of a matrix as the file has them; where they do not lie together there they are
// brought together in `room`.
std::span<const std::byte> bytes_of(const gguf::GgufFile& file, const Matrix& matrix, uint32_t first,
                                    uint32_t count, std::vector<std::byte>& room);
// The same of one matrix of a stack that is not transposed.
std::span<const std::byte> bytes_of(const gguf::GgufFile& file, const MatrixStack& stack, uint32_t index,
                                    uint32_t first, uint32_t count, std::vector<std::byte>& room);
uint64_t stored_bytes(const Matrix& matrix);
uint64_t stored_bytes(const Vector& vector);
uint64_t stored_bytes(const MatrixStack& stack);
// One matrix of a transposed stack: its columns, as the file has them.
std::span<const std::byte> bytes_of(const gguf::GgufFile& file, const MatrixStack& stack, uint32_t index);

struct Linear {
  Matrix weight;
  std::optional<Vector> bias;  // [rows]
};

// Ba, Kiros and Hinton, "Layer normalization", 2016; Zhang and Sennrich, "Root mean square layer
// normalization", 2019. `size` values are normed together; `weight` holds `groups` rows of them, used in turn
// (heads with weights of their own).
struct Norm {
  device::NormKind kind = device::NormKind::kRms;
  uint32_t size = 0;
  uint32_t groups = 1;
  std::optional<Vector> weight;  // [groups * size]; none: as if of ones
  std::optional<Vector> bias;    // the same shape; none: as if of zeros
  float eps = 0;
};

// Rotary embedding: what turns, how fast. Scalings (linear, YaRN, frequency factors) are folded into
// frequencies and scale.
struct Rope {
  device::RopeOrder order = device::RopeOrder::kAdjacent;
  std::vector<double> frequencies;  // [pairs] radians per position
  float scale = 1;                  // of cos and sin
  // Some models turn otherwise when they are run with a context longer than this (Ding et al., "LongRoPE",
  // 2024); which, is decided when a model is planned. Empty: they do not.
  std::vector<double> long_frequencies;
  uint32_t short_context_max = 0;

  const std::vector<double>& frequencies_for(uint32_t context) const {
    return !long_frequencies.empty() && context > short_context_max ? long_frequencies : frequencies;
  }
};

// Sharper attention in long contexts: queries of position p are multiplied by 1 + scale * log(1 + floor((p +
// offset) / floor_positions)).
struct Temperature {
  float scale = 0;
  uint32_t offset = 0;
  uint32_t floor_positions = 1;  // not 0
};

// Softmax attention over earlier positions, with grouped or shared KV heads (Ainslie et al., "GQA", 2023).
// The order: q, k, v; clamp; norms; rotation (or rotation, norms); temperature; scores.
struct SoftmaxAttention {
  uint32_t heads = 0, kv_heads = 0;
  uint32_t key_dim = 0, value_dim = 0;  // per head
  Linear q;                             // [heads * key_dim, width]
  Linear k;                             // [kv_heads * key_dim, width]
  Linear v;                             // [kv_heads * value_dim, width]
  Linear out;                           // [width, heads * value_dim]
  float clamp = 0;                      // q, k and v are kept within [-clamp, clamp]; 0: no
  std::optional<Norm> q_norm, k_norm;   // of each head (size key_dim) or of all heads at once
  bool norm_after_rope = false;
  std::optional<uint32_t> rope;  // index into Blueprint::ropes; none: no rotation
  std::optional<Temperature> temperature;
  float score_scale = 1;
  float score_cap = 0;             // scores become cap * tanh(score / cap); 0: no (Gemma 2)
  uint32_t window = 0;             // position p sees those above p - window; 0: all
  std::optional<uint32_t> slopes;  // index into Blueprint::slopes: scores fall with distance; none: no
  std::optional<Vector> sinks;     // [heads]: a score without a value that joins each softmax
  bool gated = false;  // q is [heads * 2 * key_dim]: of each head a query and what gates its result
};

// A gated convolution over the last few positions (Liquid AI, LFM2): out(c * conv(b * x)), where in(x) is b,
// c and x one after the other.
struct ShortConv {
  uint32_t channels = 0, taps = 0;
  Linear in;                        // [3 * channels, width]
  Vector conv;                      // [channels, taps]
  std::optional<Vector> conv_bias;  // [channels]
  Linear out;                       // [width, channels]
};

// Dao and Gu, "Transformers are SSMs", 2024: a selective scan between a convolution and a gated norm.
struct Mamba2 {
  uint32_t heads = 0, head_dim = 0, groups = 0, state_dim = 0, taps = 0;
  Linear in;                        // [inner + channels + heads, width]: gate; x, b, c; dt
  Vector conv;                      // [channels, taps]
  std::optional<Vector> conv_bias;  // [channels]
  Vector a, d, dt_bias;             // [heads]
  std::optional<Norm> norm;         // of groups of inner / groups
  Linear out;                       // [width, inner]
  uint32_t inner() const { return heads * head_dim; }
  uint32_t channels() const { return inner() + 2 * groups * state_dim; }
};

// Yang, Kautz and Hatamizadeh, "Gated delta networks", 2024.
struct GatedDelta {
  uint32_t key_heads = 0, value_heads = 0, key_dim = 0, value_dim = 0, taps = 0;
  Linear qkv;                       // [channels, width]
  Linear gate;                      // [value_heads * value_dim, width]
  Linear alpha, beta;               // [value_heads, width]
  Vector conv;                      // [channels, taps]
  std::optional<Vector> conv_bias;  // [channels]
  Vector a, dt_bias;                // [value_heads]
  float length_eps = 0;             // of q and k
  std::optional<Norm> norm;         // of each value head
  Linear out;                       // [width, value_heads * value_dim]
  uint32_t channels() const { return 2 * key_heads * key_dim + value_heads * value_dim; }
};

// down(activation(gate(x)) * up(x)); Shazeer, "GLU variants improve transformer", 2020.
struct GatedMlp {
  device::Activation activation = device::Activation::kSilu;
  Linear gate, up;  // [hidden, width]
  Linear down;      // [width, hidden]
  uint32_t hidden() const { return gate.weight.shape.rows; }
};

// down(activation(up(x)))
struct PlainMlp {
  device::Activation activation = device::Activation::kGelu;
  Linear up;    // [hidden, width]
  Linear down;  // [width, hidden]
  uint32_t hidden() const { return up.weight.shape.rows; }
};

// Of many MLPs a router picks a few for each position (Shazeer et al., "Outrageously large neural networks:
// the sparsely-gated mixture-of-experts layer", 2017): the sum of weight * expert(x) over the chosen ones,
// and what shared experts say of every position.
struct ExpertMlp {
  device::Routing routing;
  Linear router;                         // [experts, width]
  std::optional<Vector> selection_bias;  // [experts]
  device::Activation activation = device::Activation::kSilu;
  std::optional<MatrixStack> gate;  // [hidden, width] each; none: `up` holds the gate's rows, then up's
  MatrixStack up;                   // [hidden, width] or [2 * hidden, width] each
  MatrixStack down;                 // [width, hidden] each
  std::optional<Vector> gate_bias, up_bias, down_bias;  // [experts * rows of a matrix]
  std::optional<GatedMlp> shared;
  std::optional<Linear> shared_gate;  // [1, width]: its sigmoid weighs what `shared` says
  uint32_t hidden() const { return down.shape.cols; }
  uint32_t used() const { return routing.used; }
  uint32_t scores() const { return routing.experts + (shared_gate ? 1 : 0); }  // of each position
};

// activation(x), no matrix.
struct ActivationOnly {
  device::Activation activation = device::Activation::kSilu;
};

// Multi-head latent attention (DeepSeek-AI, "DeepSeek-V2", 2024) in its absorbed form: what is kept of a
// position is one latent, from which every head's keys and values would be made, and one turned key. Queries
// are taken to the latent's space instead (k_b), and what the heads attended back from there (v_b).
struct LatentAttention {
  uint32_t heads = 0;
  uint32_t latent = 0;                   // values of the latent
  uint32_t plain_dim = 0, rope_dim = 0;  // of a query: first what does not turn, then what does
  uint32_t value_dim = 0;                // per head
  std::optional<Linear> q_a;             // [q_latent, width]; none: queries straight from x
  std::optional<Norm> q_a_norm;
  Linear q;                       // [heads * (plain_dim + rope_dim), q_latent or width]
  Linear kv_a;                    // [latent + rope_dim, width]
  std::optional<Norm> kv_a_norm;  // of the latent
  MatrixStack k_b;                // [heads] of [latent, plain_dim]
  MatrixStack v_b;                // [heads] of [value_dim, latent]
  Linear out;                     // [width, heads * value_dim]
  std::optional<uint32_t> rope;
  std::optional<Temperature> temperature;
  float score_scale = 1;
  uint32_t query_dim() const { return plain_dim + rope_dim; }
  uint32_t key_dim() const { return latent + rope_dim; }
};

// The layer is its mixer only.
struct NoFfn {};

// For visitors that only look for layers with pages of keys and values.
struct SkipRecurrent {
  void operator()(const ShortConv&) const {}
  void operator()(const Mamba2&) const {}
  void operator()(const GatedDelta&) const {}
};

using Mixer =
    std::variant<SoftmaxAttention, LatentAttention, ShortConv, Mamba2, GatedDelta>;  // mixes positions
using Ffn =
    std::variant<GatedMlp, PlainMlp, ExpertMlp, ActivationOnly, NoFfn>;  // works on each position alone

// x += residual_scale * post_norm(mixer(norm(x))), then the same with ffn. In a parallel layer, which has a
// mixer_norm, both read the x that came in; without a norm of its own the ffn then reads what the mixer read.
struct LayerSpec {
  std::optional<Norm> mixer_norm;  // none: the mixer reads x itself
  Mixer mixer;
  std::optional<Norm> mixer_post_norm;
  std::optional<Norm> ffn_norm;
  Ffn ffn;
  std::optional<Norm> ffn_post_norm;
  bool parallel = false;
  float residual_scale = 1;
  // The mixer or the ffn is one rank's share of it: what all ranks' shares give is added up (part.h).
  bool mixer_dealt = false, ffn_dealt = false;
};

// Calls the one of `visitors` that takes the alternative; none for some alternative: a compile error.
template <typename... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};
template <typename... Visitors>
Overloaded(Visitors...) -> Overloaded<Visitors...>;

}  // namespace gantry::arch
