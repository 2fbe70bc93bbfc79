#include "bench/work.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <variant>

#include "plan/states.h"

namespace gantry::bench {
namespace {

// How many matrices of a stack a token needs.
std::map<const arch::MatrixStack*, double> used_experts(const arch::Blueprint& blueprint) {
  std::map<const arch::MatrixStack*, double> out;
  for (const arch::LayerSpec& layer : blueprint.layers) {
    const auto* experts = std::get_if<arch::ExpertMlp>(&layer.ffn);
    if (experts == nullptr) continue;
    if (experts->gate) out[&*experts->gate] = experts->used();
    out[&experts->up] = out[&experts->down] = experts->used();
  }
  return out;
}

double products(const device::WeightShape& shape) { return 2.0 * shape.rows * shape.cols; }

bool is_integer(const device::WeightShape& shape) { return quant::facts(shape.dtype).block_values > 1; }

}  // namespace

Workload::Workload(const arch::Blueprint& blueprint, const device::Sizer& sizer, quant::Dtype kv_dtype) {
  const auto used = used_experts(blueprint);
  const auto bytes_of = [&](const device::WeightShape& shape) {
    return static_cast<double>(sizer.packed_bytes(shape));
  };
  arch::WeightVisitor visitor;
  visitor.matrix = [&](const arch::Matrix& matrix) {
    const bool is_embedding = blueprint.embedding && &matrix == &*blueprint.embedding;
    const bool is_output =
        (is_embedding && blueprint.tied()) || (blueprint.output && &matrix == &blueprint.output->weight);
    // Of these a row is looked up.
    if ((is_embedding && !is_output) ||
        (blueprint.position_embedding && &matrix == &*blueprint.position_embedding))
      return;
    dense_bytes_ += bytes_of(matrix.shape);
    if (is_integer(matrix.shape)) integer_bytes_ += bytes_of(matrix.shape);
    (is_output ? output_operations_ : dense_operations_) += products(matrix.shape);
  };
  visitor.vector = [&](const arch::Vector& vector) { dense_bytes_ += 4.0 * vector.size; };
  visitor.stack = [&](const arch::MatrixStack& stack) {
    const double bytes = bytes_of(stack.shape), count = stack.count;
    if (is_integer(stack.shape)) integer_bytes_ += bytes * count;
    const auto found = used.find(&stack);
    if (!stack.sparse || found == used.end()) {
      dense_bytes_ += bytes * count;
      dense_operations_ += products(stack.shape) * count;
    } else {
      sparse_bytes_ += bytes * count;
      experts_.push_back({bytes, products(stack.shape), count, found->second});
    }
  };
  arch::visit_weights(blueprint, visitor);
  for (const arch::LayerSpec& layer : blueprint.layers) {
    if (const auto* softmax = std::get_if<arch::SoftmaxAttention>(&layer.mixer)) {
      const uint64_t row =
          quant::row_bytes(kv_dtype, softmax->key_dim) + quant::row_bytes(kv_dtype, softmax->value_dim);
      attention_.push_back({static_cast<double>(row * softmax->kv_heads),
                            2.0 * softmax->heads * (softmax->key_dim + softmax->value_dim),
                            static_cast<double>(softmax->window)});
    } else if (const auto* latent = std::get_if<arch::LatentAttention>(&layer.mixer)) {
      attention_.push_back({static_cast<double>(quant::row_bytes(kv_dtype, latent->key_dim())),
                            2.0 * latent->heads * (latent->key_dim() + latent->latent), 0});
    }
  }
  state_bytes_ = 2.0 * static_cast<double>(plan::state_layout(blueprint).bytes);  // read and written
}

StepWork Workload::of(const StepShape& shape) const {
  const double rows = static_cast<double>(shape.rows) * shape.sequences;
  StepWork out;
  out.bytes = dense_bytes_ + state_bytes_ * shape.sequences;
  out.operations = dense_operations_ * rows + output_operations_ * shape.logit_rows;
  for (const Experts& experts : experts_) {
    // Tokens choose as if at random: the experts that nobody chose are not read.
    out.bytes += experts.bytes * experts.count * (1 - std::pow(1 - experts.used / experts.count, rows));
    out.operations += experts.operations * experts.used * rows;
  }
  for (const Attention& attention : attention_) {
    const double first = shape.depth + 1.0, last = static_cast<double>(shape.depth) + shape.rows;
    const double most = attention.window > 0 ? attention.window : last;
    out.bytes += attention.bytes * std::min(last, most + shape.rows - 1) * shape.sequences;
    // Positions that all rows of a sequence look at: first + ... + last, each at most the window.
    const double whole = std::min(last, most), rising = std::max(0.0, whole - first + 1);
    const double looked = (first + whole) / 2 * rising + most * (shape.rows - rising);
    out.operations += attention.operations * looked * shape.sequences;
  }
  return out;
}

}  // namespace gantry::bench
