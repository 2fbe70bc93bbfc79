#include <utility>

#include "arch/blueprint.h"
#include "quant/dtype.h"

namespace gantry::arch {
namespace {

class Walk {
 public:
  explicit Walk(const WeightVisitor& visitor) : visitor_(visitor) {}

  void matrix(const Matrix& m) { visitor_.matrix(m); }
  void stack(const MatrixStack& s) { visitor_.stack(s); }
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
  void mixer(const LatentAttention& a) {
    if (a.q_a) linear(*a.q_a);
    norm(a.q_a_norm);
    linear(a.q);
    linear(a.kv_a);
    norm(a.kv_a_norm);
    stack(a.k_b);
    stack(a.v_b);
    linear(a.out);
  }
  void ffn(const ActivationOnly&) {}
  void ffn(const ExpertMlp& m) {
    linear(m.router);
    vector(m.selection_bias);
    if (m.gate) stack(*m.gate);
    stack(m.up);
    stack(m.down);
    vector(m.gate_bias);
    vector(m.up_bias);
    vector(m.down_bias);
    if (m.shared) ffn(*m.shared);
    if (m.shared_gate) linear(*m.shared_gate);
  }
  void mixer(const ShortConv& c) {
    linear(c.in);
    vector(c.conv);
    vector(c.conv_bias);
    linear(c.out);
  }
  void mixer(const Mamba2& m) {
    linear(m.in);
    vector(m.conv);
    vector(m.conv_bias);
    vector(m.a);
    vector(m.d);
    vector(m.dt_bias);
    norm(m.norm);
    linear(m.out);
  }
  void mixer(const GatedDelta& d) {
    linear(d.qkv);
    linear(d.gate);
    linear(d.alpha);
    linear(d.beta);
    vector(d.conv);
    vector(d.conv_bias);
    vector(d.a);
    vector(d.dt_bias);
    norm(d.norm);
    linear(d.out);
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
  void ffn(const NoFfn&) {}

 private:
  const WeightVisitor& visitor_;
};

// One matrix's part of the file.
uint64_t bytes_of_rows(const MatrixStack& stack) {
  const auto [rows, cols] = stack.transposed ? std::pair(stack.shape.cols, stack.shape.rows)
                                             : std::pair(stack.shape.rows, stack.shape.cols);
  return rows * quant::row_bytes(*stack.tensors[0]->dtype, cols);
}

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

uint64_t stored_bytes(const MatrixStack& stack) { return stack.count * bytes_of_rows(stack); }

std::span<const std::byte> bytes_of(const gguf::GgufFile& file, const MatrixStack& stack, uint32_t index) {
  const bool apart = stack.tensors.size() > 1;
  const auto all = file.data(*stack.tensors[apart ? index : 0]);
  const quant::Dtype dtype = *stack.tensors[0]->dtype;
  const uint32_t cols = stack.transposed ? stack.shape.rows : stack.shape.cols;
  const uint64_t first = stack.first_row + (apart ? 0 : uint64_t{index} * stack.step_rows);
  return all.subspan(first * quant::row_bytes(dtype, cols), bytes_of_rows(stack));
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

uint64_t parameters(const Blueprint& blueprint) {
  uint64_t count = 0;
  visit_weights(blueprint, {[&](const Matrix& m) { count += uint64_t{m.shape.rows} * m.shape.cols; },
                            [&](const Vector& v) { count += v.size; },
                            [&](const MatrixStack& s) {
                              count += uint64_t{s.count} * s.shape.rows * s.shape.cols;
                            }});
  return count;
}

}  // namespace gantry::arch
