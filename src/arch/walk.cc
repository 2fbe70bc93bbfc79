#include "arch/blueprint.h"
#include "quant/dtype.h"

namespace gantry::arch {
namespace {

class Walk {
 public:
  explicit Walk(const WeightVisitor& visitor) : visitor_(visitor) {}

  void matrix(const Matrix& m) { visitor_.matrix(m); }
  void vector(const Vector& v) { visitor_.vector(v); }
  void linear(const Linear& l) {
    matrix(l.weight);
    vector(l.bias);
  }
  void vector(const std::optional<Vector>& v) {
    if (v) vector(*v);
  }
  void norm(const std::optional<Norm>& n) {
    if (!n) return;
    vector(n->weight);
    vector(n->bias);
  }

  void mixer(const SoftmaxAttention& a) {
    linear(a.q);
    linear(a.k);
    linear(a.v);
    linear(a.out);
    norm(a.q_norm);
    norm(a.k_norm);
    vector(a.sinks);
  }
  void ffn(const GatedMlp& m) {
    linear(m.gate);
    linear(m.up);
    linear(m.down);
  }
  void ffn(const PlainMlp& m) {
    linear(m.up);
    linear(m.down);
  }

 private:
  const WeightVisitor& visitor_;
};

}  // namespace

uint64_t stored_bytes(const Matrix& matrix) {
  return matrix.shape.rows * quant::row_bytes(matrix.shape.dtype, matrix.shape.cols);
}

uint64_t stored_bytes(const Vector& vector) {
  return vector.tensor->bytes * vector.size / vector.tensor->values();
}

std::span<const std::byte> bytes_of(const gguf::GgufFile& file, const Matrix& matrix) {
  const uint64_t row_bytes = quant::row_bytes(matrix.shape.dtype, matrix.shape.cols);
  return file.data(*matrix.tensor).subspan(matrix.first_row * row_bytes, matrix.shape.rows * row_bytes);
}

void visit_weights(const Blueprint& blueprint, const WeightVisitor& visitor) {
  Walk walk(visitor);
  walk.matrix(blueprint.embedding);
  if (blueprint.position_embedding) walk.matrix(*blueprint.position_embedding);
  walk.norm(blueprint.embedding_norm);
  for (const LayerSpec& layer : blueprint.layers) {
    walk.norm(layer.mixer_norm);
    std::visit([&](const auto& kind) { walk.mixer(kind); }, layer.mixer);
    walk.norm(layer.mixer_post_norm);
    walk.norm(layer.ffn_norm);
    std::visit([&](const auto& kind) { walk.ffn(kind); }, layer.ffn);
    walk.norm(layer.ffn_post_norm);
  }
  walk.norm(blueprint.output_norm);
  if (!blueprint.tied()) walk.matrix(blueprint.output.weight);
  walk.vector(blueprint.output.bias);
}

}  // namespace gantry::arch
