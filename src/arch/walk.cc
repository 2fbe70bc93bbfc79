#include <algorithm>
#include <cstring>
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

// What of each row of a tensor is taken, in bytes.
struct Lines {
  uint64_t stride = 0, from = 0, bytes = 0;
};
Lines lines_of(const gguf::TensorInfo& tensor, const device::WeightShape& shape) {
  const quant::Dtype dtype = *tensor.dtype;
  return {quant::row_bytes(dtype, tensor.shape[0]), quant::row_bytes(dtype, shape.first_col),
          quant::row_bytes(dtype, shape.cols)};
}

// Rows `wanted` of those that a weight has: the tensor's from first_row on, or `ranges` of them; all
// `skipped` further down.
std::span<const std::byte> collect(std::span<const std::byte> tensor, const Lines& lines, uint32_t first_row,
                                   const std::vector<Range>& ranges, uint64_t skipped, const Range& wanted,
                                   std::vector<std::byte>& room) {
  if (ranges.empty() && lines.bytes == lines.stride)
    return tensor.subspan((skipped + first_row + wanted.first) * lines.stride, wanted.count * lines.stride);
  const std::vector<Range> all =
      ranges.empty() ? std::vector<Range>{{first_row, wanted.first + wanted.count}} : ranges;
  room.resize(wanted.count * lines.bytes);
  uint64_t before = 0;  // rows of the ranges before this one
  for (const Range& range : all) {
    const uint64_t from = std::max<uint64_t>(before, wanted.first),
                   end = std::min<uint64_t>(before + range.count, uint64_t{wanted.first} + wanted.count);
    for (uint64_t row = from; row < end; ++row) {
      const uint64_t at = (skipped + range.first + (row - before)) * lines.stride + lines.from;
      std::memcpy(&room[(row - wanted.first) * lines.bytes], &tensor[at], lines.bytes);
    }
    before += range.count;
  }
  return room;
}

}  // namespace

uint64_t stored_bytes(const Matrix& matrix) {
  return matrix.shape.rows * quant::row_bytes(matrix.shape.dtype, matrix.shape.cols);
}

uint64_t stored_bytes(const Vector& vector) {
  return vector.tensor->bytes * vector.size / vector.tensor->values();
}

std::span<const std::byte> bytes_of(const gguf::GgufFile& file, const Matrix& matrix, uint32_t first,
                                    uint32_t count, std::vector<std::byte>& room) {
  const Lines lines = lines_of(*matrix.tensor, matrix.shape);
  return collect(file.data(*matrix.tensor), lines, matrix.first_row, matrix.rows, 0, {first, count}, room);
}

std::span<const std::byte> bytes_of(const gguf::GgufFile& file, const MatrixStack& stack, uint32_t index,
                                    uint32_t first, uint32_t count, std::vector<std::byte>& room) {
  const bool apart = stack.tensors.size() > 1;
  const gguf::TensorInfo& tensor = *stack.tensors[apart ? index : 0];
  const uint64_t skipped = apart ? 0 : uint64_t{index} * stack.step_rows;
  return collect(file.data(tensor), lines_of(tensor, stack.shape), stack.first_row, stack.rows, skipped,
                 {first, count}, room);
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
  if (blueprint.embedding) walk.matrix(*blueprint.embedding);
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
  if (!blueprint.output) return;
  if (!blueprint.tied()) walk.matrix(blueprint.output->weight);
  walk.vector(blueprint.output->bias);
}

uint64_t parameters(const Blueprint& blueprint) {
  uint64_t count = 0;
  visit_weights(blueprint,
                {[&](const Matrix& m) { count += uint64_t{m.shape.rows} * m.shape.cols; },
                 [&](const Vector& v) { count += v.size; },
                 [&](const MatrixStack& s) { count += uint64_t{s.count} * s.shape.rows * s.shape.cols; }});
  return count;
}

}  // namespace gantry::arch
