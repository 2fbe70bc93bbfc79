#include "model/bound_layer.h"

namespace gantry::model {
namespace {

using Mixer = decltype(LayerOp::mixer);
using Ffn = decltype(LayerOp::ffn);

struct MixerBinder {
  const arch::Blueprint& blueprint;
  const uint32_t layer;
  const LoadedModel& model;

  Mixer operator()(const arch::SoftmaxAttention& spec) const {
    return bind_mixer(spec, layer, blueprint, model);
  }
  Mixer operator()(const arch::LatentAttention& spec) const {
    return bind_mixer(spec, layer, blueprint, model);
  }
  template <typename Recurrent>
  Mixer operator()(const Recurrent& spec) const {
    return bind_mixer(spec, layer, model);
  }
};

}  // namespace

LayerOp bind_layer(const arch::Blueprint& blueprint, uint32_t layer, const LoadedModel& model) {
  const arch::LayerSpec& spec = blueprint.layers[layer];
  return {&spec,
          bind(spec.mixer_norm, model),
          bind(spec.mixer_post_norm, model),
          bind(spec.ffn_norm, model),
          bind(spec.ffn_post_norm, model),
          std::visit(MixerBinder{blueprint, layer, model}, spec.mixer),
          std::visit([&](const auto& kind) -> Ffn { return bind_ffn(kind, model); }, spec.ffn)};
}

}  // namespace gantry::model
