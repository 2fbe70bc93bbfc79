// The kinds of layers, as declarations: which tensors, which shapes, which numbers. The planner counts their
// bytes (plan/), the forward pass walks them (model/forward). A new kind of layer is a new alternative of a
// variant here; every visitor that forgot it no longer compiles.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "device/ops.h"
#include "gguf/gguf.h"

namespace gantry::arch {

// A weight matrix of the file: `rows` outputs of `cols` inputs.
struct Matrix {
  const gguf::TensorInfo* tensor = nullptr;  // lives as long as the GgufFile
  device::WeightShape shape;
};

// A vector of the file, used as float32.
struct Vector {
  const gguf::TensorInfo* tensor = nullptr;
  uint32_t size = 0;
};

struct Linear {
  Matrix weight;
  std::optional<Vector> bias;  // [rows]
};

// Zhang and Sennrich, "Root mean square layer normalization", 2019.
struct RmsNorm {
  Vector weight;
  float eps = 0;
};

// Rotary embedding: what turns, how fast. Scalings (linear, YaRN, frequency factors) are folded into
// frequencies and scale.
struct Rope {
  device::RopeOrder order = device::RopeOrder::kAdjacent;
  std::vector<double> frequencies;  // [pairs] radians per position
  float scale = 1;                  // of cos and sin
};

// Softmax attention over all earlier positions, with grouped or shared KV heads (Ainslie et al., "GQA",
// 2023).
struct SoftmaxAttention {
  uint32_t heads = 0, kv_heads = 0;
  uint32_t key_dim = 0, value_dim = 0;    // per head
  Linear q;                               // [heads * key_dim, width]
  Linear k;                               // [kv_heads * key_dim, width]
  Linear v;                               // [kv_heads * value_dim, width]
  Linear out;                             // [width, heads * value_dim]
  std::optional<RmsNorm> q_norm, k_norm;  // per head, [key_dim], before the rotation
  std::optional<uint32_t> rope;           // index into Blueprint::ropes; none: no positions
  float score_scale = 1;
};

// down(activation(gate(x)) * up(x)); Shazeer, "GLU variants improve transformer", 2020.
struct GatedMlp {
  device::Activation activation = device::Activation::kSilu;
  Linear gate, up;  // [hidden, width]
  Linear down;      // [width, hidden]
  uint32_t hidden() const { return gate.weight.shape.rows; }
};

using Mixer = std::variant<SoftmaxAttention>;  // mixes positions
using Ffn = std::variant<GatedMlp>;            // works on each position alone

// x += mixer(norm(x)); x += ffn(norm(x))
struct LayerSpec {
  RmsNorm mixer_norm;
  Mixer mixer;
  RmsNorm ffn_norm;
  Ffn ffn;
};

// Calls the one of `visitors` that takes the alternative; none for some alternative: a compile error.
template <typename... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};
template <typename... Visitors>
Overloaded(Visitors...) -> Overloaded<Visitors...>;

}  // namespace gantry::arch
