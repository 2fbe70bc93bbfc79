#include "plan/states.h"

#include "base/bytes.h"

namespace gantry::plan {
namespace {

struct Floats {
  uint64_t conv = 0, memory = 0;
};

Floats floats_of(const arch::SoftmaxAttention&) { return {}; }
Floats floats_of(const arch::LatentAttention&) { return {}; }
Floats floats_of(const arch::ShortConv& c) { return {uint64_t{c.taps - 1} * c.channels, 0}; }
Floats floats_of(const arch::Mamba2& m) {
  return {uint64_t{m.taps - 1} * m.channels(), uint64_t{m.inner()} * m.state_dim};
}
Floats floats_of(const arch::GatedDelta& d) {
  return {uint64_t{d.taps - 1} * d.channels(), uint64_t{d.value_heads} * d.key_dim * d.value_dim};
}

}  // namespace

StateLayout state_layout(const arch::Blueprint& blueprint) {
  constexpr uint64_t kAlignment = 64;
  StateLayout layout;
  for (const arch::LayerSpec& layer : blueprint.layers) {
    const Floats floats = std::visit([](const auto& kind) { return floats_of(kind); }, layer.mixer);
    layout.layers.push_back({layout.bytes, layout.bytes + align_up(4 * floats.conv, kAlignment)});
    layout.bytes = layout.layers.back().memory + align_up(4 * floats.memory, kAlignment);
    layout.recurrent_layers += floats.conv + floats.memory != 0 ? 1 : 0;
  }
  return layout;
}

}  // namespace gantry::plan
