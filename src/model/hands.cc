#include "model/hands.h"

namespace gantry::model {

using device::Mat;

device::Buffer bind(const std::optional<arch::Vector>& vector, const LoadedModel& model) {
  return vector ? model.vector(*vector) : device::Buffer{};
}

LinearOp bind(const arch::Linear& linear, const LoadedModel& model) {
  return {model.weight(linear.weight), bind(linear.bias, model), model.dealt_sum(linear.weight.shape)};
}

NormOp bind(const std::optional<arch::Norm>& norm, const LoadedModel& model) {
  return norm ? NormOp{&*norm, bind(norm->weight, model), bind(norm->bias, model)} : NormOp{};
}

Mat columns(const Mat& m, uint32_t first, uint32_t count) {
  if (m.rows == 0) return {m.buffer, 0, count, m.stride};
  return {m.buffer.part(4ull * first, 4 * (uint64_t{m.rows - 1} * m.stride + count)), m.rows, count,
          m.stride};
}

Mat Hands::mat(plan::Role role, uint32_t rows, uint32_t cols, uint32_t index) const {
  return Mat::packed(model_.activation(role, index).part(0, 4ull * rows * cols), rows, cols);
}

void Hands::linear(const LinearOp& op, const Mat& x, const Target& to) {
  if (!op.weight.shape.is_part()) {
    stream_->linear({x, model_.scratch(), {{op.weight, op.bias, to.accumulate, to.mat}}});
    return;
  }
  const auto sum_own = [&](const Mat& own) {
    stream_->linear({x, model_.scratch(), {{op.weight, {}, false, own}}});
  };
  device::FinishLinearArgs finish;
  finish.bias = op.bias;
  finish.accumulate = to.accumulate;
  finish.out = to.mat;
  share_sum(op.sum, x.rows, op.weight.shape.rows, sum_own, finish);
}

void Hands::linear(const Mat& x, std::initializer_list<Layer> layers) {
  device::LinearArgs args{x, model_.scratch(), {}};
  for (const Layer& layer : layers) args.outs.add({layer.op.weight, layer.op.bias, false, layer.out});
  stream_->linear(args);
}

void Hands::norm(const NormOp& op, const Mat& x, const Mat& out) {
  if (op.spec == nullptr) return;
  const arch::Norm& spec = *op.spec;
  stream_->norm({spec.kind, x, op.weight, op.bias, spec.groups, spec.eps, out});
}

void Hands::norm_parts(const NormOp& op, const Mat& x) {
  if (op.spec == nullptr) return;
  const uint32_t size = op.spec->size;
  const Mat parts = Mat::packed(x.buffer, x.rows * (x.cols / size), size);
  norm(op, parts, parts);
}

}  // namespace gantry::model
