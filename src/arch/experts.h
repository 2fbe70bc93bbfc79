// Reads mixtures of experts: router, stacks of expert matrices in each of the ways that files hold them,
// shared experts. A family says what is its own in an ExpertRule.
#pragma once

#include <functional>
#include <optional>

#include "arch/dense.h"
#include "arch/header.h"

namespace gantry::arch {

// What a family knows beside the header.
struct ExpertRule {
  device::Routing::Score score = device::Routing::Score::kSoftmax;
  bool score_key = false;  // expert_gating_func may say otherwise
  bool normalise = true;
  bool normalise_key = false;   // expert_weights_norm may say otherwise
  bool selection_bias = false;  // may have blk.N.exp_probs_b.bias
  device::Activation activation = device::Activation::kSilu;
  // Hidden values where expert_feed_forward_length is missing: feed_forward_length, or its part for each
  // expert in use.
  enum class Hidden : uint8_t { kWhole, kPart };
  Hidden hidden = Hidden::kWhole;
  uint32_t shared_hidden = 0;  // of the shared experts together; 0: none
  bool shared_gate = false;    // blk.N.ffn_gate_inp_shexp weighs them
  // Layers with experts: from the first that is not dense, every step-th, counted from the first layer.
  uint32_t dense_layers = 0, step = 1;

  bool in_layer(uint32_t layer) const { return layer >= dense_layers && (layer + 1) % step == 0; }
};

// Hidden values of one expert of a layer.
uint32_t expert_hidden(const Header& header, const Trunk& trunk, const ExpertRule& rule, uint32_t layer);
// Hidden values of `count` shared experts together: of the given ones, or of ones like the others.
uint32_t times(const Header& header, uint32_t hidden, uint32_t count);
uint32_t shared_hidden(const Header& header, const Trunk& trunk, const ExpertRule& rule, uint32_t count);
// expert_count, expert_used_count, groups, scale.
device::Routing read_routing(const Header& header, const ExpertRule& rule);

// blk.N.ffn_gate_inp, blk.N.ffn_{gate,up,down}_exps (or ffn_gate_up_exps, or ffn_gate.0, ffn_gate.1, ...),
// blk.N.ffn_{gate,up,down}_shexp.
ExpertMlp read_expert_mlp(Header& header, const Trunk& trunk, uint32_t layer, const ExpertRule& rule);

bool has_experts(const Header& header);  // expert_count above zero
// Layers at the end that only predict further tokens ahead (nextn_predict_layers) are not part of the model.
void leave_out_nextn(const Header& header, Trunk& trunk);

// DenseRule::own_ffn for layers with experts; header and trunk must outlive the reading.
std::function<std::optional<Ffn>(uint32_t layer)> expert_layers(Header& header, const Trunk& trunk,
                                                                const ExpertRule& rule);

// blk.N.ffn_{gate,up,down}_shexp
GatedMlp read_shared_mlp(Header& header, const Trunk& trunk, uint32_t layer, uint32_t hidden,
                         device::Activation activation);

}  // namespace gantry::arch
