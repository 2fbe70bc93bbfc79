// What the plain decoder families share: numbers of the trunk, softmax attention over q, k, v matrices (one
// tensor each or all in one), a gated or a plain MLP. A family file says what is its own and calls these.
#pragma once

#include <functional>
#include <string>

#include "arch/blueprint.h"
#include "arch/header.h"
#include "arch/rope.h"

namespace gantry::arch {

// Numbers that every decoder family has under the same keys.
struct Trunk {
  uint32_t layers = 0, width = 0, context = 0;
  std::vector<uint32_t> heads, kv_heads, hidden;  // [layers]
  uint32_t key_dim = 0, value_dim = 0;            // per head
  NormRule norm;
  float score_scale = 0;
};
Trunk read_trunk(const Header& header, device::NormKind norm = device::NormKind::kRms);

// Embedding, output norm, output (or the embedding again), name; no layers.
Blueprint read_shell(Header& header, const Trunk& trunk, bool output_norm = true);

// blk.N.attn_{q,k,v} or the three in blk.N.attn_qkv, and blk.N.attn_output, with the biases that the file
// has. Gated: each query's rows are followed by as many that gate its result.
SoftmaxAttention read_attention(Header& header, const Trunk& trunk, uint32_t layer,
                                std::optional<uint32_t> rope, bool gated = false);

// blk.N.ffn_{gate,up,down}; fused: gate and up one after the other in blk.N.ffn_up; plain: no gate.
GatedMlp read_gated_mlp(Header& header, const Trunk& trunk, uint32_t layer, device::Activation activation);
GatedMlp read_fused_mlp(Header& header, const Trunk& trunk, uint32_t layer, device::Activation activation);
PlainMlp read_plain_mlp(Header& header, const Trunk& trunk, uint32_t layer, device::Activation activation);

// A rotation of the trunk's heads, as most families have it.
RopeRule rope_rule(const Trunk& trunk, device::RopeOrder order);
// Index of the rotation in the Blueprint, which now has it; none when nothing turns.
std::optional<uint32_t> add_rope(Blueprint& blueprint, Rope rope);

// "blk.N.suffix"
std::string layer_tensor(uint32_t layer, std::string_view suffix);

// What varies among the families whose layers are of attention and one MLP with one rotation for all.
struct DenseRule {
  std::optional<device::RopeOrder> rope = device::RopeOrder::kNeox;
  device::NormKind norm = device::NormKind::kRms;
  bool norm_bias = false;    // norms cannot be without biases
  bool linear_bias = false;  // nor can attn_output and the MLP
  bool mixer_norm = true;    // blk.N.attn_norm
  bool ffn_norm = true;      // blk.N.ffn_norm
  bool output_norm = true;
  enum class Mlp : uint8_t { kGated, kFused, kPlain };
  Mlp mlp = Mlp::kGated;
  device::Activation activation = device::Activation::kSilu;
  bool own_output = false;  // the embedding cannot serve as output
  // A layer's ffn where it is not the MLP above (experts.h); unset: a model with experts is refused.
  std::function<std::optional<Ffn>(uint32_t layer)> own_ffn = {};
};
Blueprint read_dense(Header& header, const DenseRule& rule);
// The same where the family needs the trunk's numbers too.
Blueprint read_dense(Header& header, const DenseRule& rule, const Trunk& trunk);

// Calls function(layer, its spec, its attention) for each layer.
void for_each_attention(Blueprint& blueprint,
                        const std::function<void(uint32_t, LayerSpec&, SoftmaxAttention&)>& function);

// Norms of the layer's results: blk.N.post_attention_norm and blk.N.post_ffw_norm.
void read_post_norms(Header& header, const Trunk& trunk, Blueprint& blueprint);
// blk.N.attn_{q,k}_norm of each head, one weight for all heads.
void read_head_norms(Header& header, const Trunk& trunk, Blueprint& blueprint);
void read_head_norms(Header& header, const Trunk& trunk, uint32_t layer, SoftmaxAttention& attention);
// The same tensors where they norm all heads at once.
void read_whole_norms(Header& header, const Trunk& trunk, Blueprint& blueprint);

// attention.sliding_window, and which layers have it: of `period` layers all but the last.
struct Windows {
  uint32_t window = 0;         // 0: the model has none
  std::vector<bool> windowed;  // [layers]
};
Windows read_windows(const Header& header, const Trunk& trunk, uint32_t window_default, uint32_t period);
// Gives them to the layers; windowed ones then turn as `near` does (asked only when there is one).
void set_windows(Blueprint& blueprint, const Windows& windows, const std::function<Rope()>& near);

// Linear biases by distance instead of a rotation; 0: none.
void set_slopes(Blueprint& blueprint, float bias_max);
// attention.clamp_kqv; 0 where the file has none.
float read_clamp(const Header& header);

}  // namespace gantry::arch
