// A layer of the Blueprint with its weights looked up: what a step needs and nothing more.
#pragma once

#include <cstdint>
#include <variant>

#include "arch/blueprint.h"
#include "model/attention.h"
#include "model/experts.h"
#include "model/hands.h"
#include "model/mlp.h"
#include "model/recurrent_mixers.h"

namespace gantry::model {

struct LayerOp {
  const arch::LayerSpec* spec;
  NormOp mixer_norm, mixer_post_norm, ffn_norm, ffn_post_norm;
  std::variant<AttentionOp, LatentAttentionOp, ShortConvOp, Mamba2Op, GatedDeltaOp> mixer;
  std::variant<GatedMlpOp, PlainMlpOp, ExpertMlpOp, ActivationOnlyOp, arch::NoFfn> ffn;
};

// Blueprint and model outlive the result.
LayerOp bind_layer(const arch::Blueprint& blueprint, uint32_t layer, const LoadedModel& model);

}  // namespace gantry::model
