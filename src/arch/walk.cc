#include "arch/blueprint.h"

namespace gantry::arch {
namespace {

class Walk {
 public:
  explicit Walk(const WeightVisitor& visitor) : visitor_(visitor) {}

  void matrix(const Matrix& m) { visitor_.matrix(m); }
  void vector(const Vector& v) { visitor_.vector(v); }
  void linear(const Linear& l) {
    matrix(l.weight);
    if (l.bias) vector(*l.bias);
  }
  void norm(const RmsNorm& n) { vector(n.weight); }
  void norm(const std::optional<RmsNorm>& n) {
    if (n) norm(*n);
  }

  void mixer(const SoftmaxAttention& a) {
    linear(a.q);
    linear(a.k);
    linear(a.v);
    linear(a.out);
    norm(a.q_norm);
    norm(a.k_norm);
  }
  void ffn(const GatedMlp& m) {
    linear(m.gate);
    linear(m.up);
    linear(m.down);
  }

 private:
  const WeightVisitor& visitor_;
};

}  // namespace

void visit_weights(const Blueprint& blueprint, const WeightVisitor& visitor) {
  Walk walk(visitor);
  walk.matrix(blueprint.embedding);
  for (const LayerSpec& layer : blueprint.layers) {
    walk.norm(layer.mixer_norm);
    std::visit([&](const auto& kind) { walk.mixer(kind); }, layer.mixer);
    walk.norm(layer.ffn_norm);
    std::visit([&](const auto& kind) { walk.ffn(kind); }, layer.ffn);
  }
  walk.norm(blueprint.output_norm);
  if (!blueprint.tied()) walk.matrix(blueprint.output.weight);
  if (blueprint.output.bias) walk.vector(*blueprint.output.bias);
}

}  // namespace gantry::arch
