#include "model/transformer.h"

#include <variant>

#include "base/check.h"

namespace gantry::model {
namespace {

using device::Buffer;
using device::Mat;
using plan::Role;
using plan::Staged;

// The work of one kind of layer, its weights already looked up: what a step needs and nothing more.
struct LinearOp {
  device::Weight weight;
  Buffer bias;
};
struct NormOp {
  Buffer weight;  // none: no norm here
  uint32_t size = 0;
  float eps = 0;
};
struct AttentionOp {
  const arch::SoftmaxAttention* spec;
  LinearOp q, k, v, out;
  NormOp q_norm, k_norm;
  device::KvPages pages;
};
struct GatedMlpOp {
  device::Activation activation;
  LinearOp gate, up, down;
};
struct LayerOp {
  NormOp mixer_norm;
  std::variant<AttentionOp> mixer;
  NormOp ffn_norm;
  std::variant<GatedMlpOp> ffn;
};

// Looks weights up once, at construction.
class Binder {
 public:
  Binder(const LoadedModel& model, const plan::Limits& limits) : model_(model), limits_(limits) {}

  LinearOp bind(const arch::Linear& linear) const {
    return {model_.weight(linear.weight), linear.bias ? model_.vector(*linear.bias) : Buffer{}};
  }
  NormOp bind(const arch::RmsNorm& norm) const {
    return {model_.vector(norm.weight), norm.weight.size, norm.eps};
  }
  NormOp bind(const std::optional<arch::RmsNorm>& norm) const { return norm ? bind(*norm) : NormOp{}; }

  LayerOp bind(const arch::LayerSpec& layer, uint32_t index) const {
    return {bind(layer.mixer_norm),
            std::visit([&](const auto& kind) { return bind_mixer(kind, index); }, layer.mixer),
            bind(layer.ffn_norm), std::visit([&](const auto& kind) { return bind_ffn(kind); }, layer.ffn)};
  }

 private:
  AttentionOp bind_mixer(const arch::SoftmaxAttention& a, uint32_t index) const {
    return {&a,          bind(a.q),      bind(a.k),      bind(a.v),
            bind(a.out), bind(a.q_norm), bind(a.k_norm), {model_.kv(index), plan::kv_shape(a, limits_)}};
  }
  GatedMlpOp bind_ffn(const arch::GatedMlp& m) const {
    return {m.activation, bind(m.gate), bind(m.up), bind(m.down)};
  }

  const LoadedModel& model_;
  const plan::Limits& limits_;
};

class Transformer final : public Runner {
 public:
  Transformer(const arch::Blueprint& blueprint, const LoadedModel& model, device::Device& device)
      : blueprint_(blueprint),
        model_(model),
        stream_(device.new_stream()),
        embedding_(model.weight(blueprint.embedding)) {
    const plan::Limits& l = model.limits();
    limits_ = {blueprint.vocab, l.context, l.sequences, l.step_rows, l.logit_rows, l.pages, l.pages_max};
    const Binder binder(model, l);
    for (uint32_t i = 0; i < blueprint.layers.size(); ++i)
      layers_.push_back(binder.bind(blueprint.layers[i], i));
    output_norm_ = binder.bind(blueprint.output_norm);
    output_ = binder.bind(blueprint.output);
  }

  const RunnerLimits& limits() const override { return limits_; }

  void step(const Batch& batch, std::span<float> logits) override {
    check(batch, logits.size());
    const auto rows = static_cast<uint32_t>(batch.tokens.size());
    const auto wanted = static_cast<uint32_t>(batch.logit_rows.size());
    stage(batch);
    const Mat x = mat(Role::kStream, rows, blueprint_.width);
    stream_->embed(
        {embedding_, model_.staged(Staged::kTokens).part(0, 4ull * rows), blueprint_.embedding_scale, x});
    for (uint32_t i = 0; i < blueprint_.ropes.size(); ++i) {
      stream_->rope_table({model_.staged(Staged::kPositions).part(0, 4ull * rows), model_.frequencies(i),
                           blueprint_.ropes[i].scale, rope_table(i, rows)});
    }
    for (const LayerOp& layer : layers_) {
      const Mat normed = mat(Role::kNormed, rows, blueprint_.width);
      norm(layer.mixer_norm, x, normed);
      std::visit([&](const auto& kind) { forward(kind, normed, x); }, layer.mixer);
      norm(layer.ffn_norm, x, normed);
      std::visit([&](const auto& kind) { forward(kind, normed, x); }, layer.ffn);
    }
    if (wanted > 0) {
      const Mat last = mat(Role::kLast, wanted, blueprint_.width);
      stream_->gather_rows({x, model_.staged(Staged::kLogitRows).part(0, 4ull * wanted), last});
      norm(output_norm_, last, last);
      const Mat out = mat(Role::kLogits, wanted, blueprint_.vocab);
      linear(output_, last, out, false);
      stream_->read(std::as_writable_bytes(logits.first(size_t{wanted} * blueprint_.vocab)), out.buffer);
    }
    stream_->sync();
  }

 private:
  // x += out(attention(norm(q), norm(k), v)), all positions of the step written before any is read.
  void forward(const AttentionOp& op, const Mat& normed, const Mat& x) {
    const arch::SoftmaxAttention& spec = *op.spec;
    const uint32_t rows = x.rows;
    const Mat q = mat(Role::kQuery, rows, spec.heads * spec.key_dim);
    const Mat k = mat(Role::kKey, rows, spec.kv_heads * spec.key_dim);
    const Mat v = mat(Role::kValue, rows, spec.kv_heads * spec.value_dim);
    linear(op.q, normed, q, false);
    linear(op.k, normed, k, false);
    linear(op.v, normed, v, false);
    norm(op.q_norm, per_head(q, spec.heads, spec.key_dim));
    norm(op.k_norm, per_head(k, spec.kv_heads, spec.key_dim));
    if (spec.rope) {
      const device::RopeOrder order = blueprint_.ropes[*spec.rope].order;
      const Mat table = rope_table(*spec.rope, rows);
      stream_->rope({q, spec.heads, spec.key_dim, order, table});
      stream_->rope({k, spec.kv_heads, spec.key_dim, order, table});
    }
    stream_->kv_write({op.pages, kv_rows_, k, v});
    const Mat attended = mat(Role::kAttended, rows, spec.heads * spec.value_dim);
    stream_->attention({op.pages, kv_rows_, q, spec.heads, spec.score_scale, attended, model_.scratch()});
    linear(op.out, attended, x, true);
  }

  // x += down(activation(gate) * up)
  void forward(const GatedMlpOp& op, const Mat& normed, const Mat& x) {
    const uint32_t hidden = op.gate.weight.shape.rows;
    const Mat gate = mat(Role::kGate, x.rows, hidden);
    const Mat up = mat(Role::kUp, x.rows, hidden);
    linear(op.gate, normed, gate, false);
    linear(op.up, normed, up, false);
    stream_->glu({op.activation, gate, up, gate});
    linear(op.down, gate, x, true);
  }

  void linear(const LinearOp& op, const Mat& x, const Mat& out, bool accumulate) {
    stream_->linear({op.weight, x, op.bias, accumulate, out, model_.scratch()});
  }
  void norm(const NormOp& op, const Mat& x, const Mat& out) {
    stream_->rms_norm({x, op.weight, op.eps, out});
  }
  void norm(const NormOp& op, const Mat& x) {
    if (op.weight) norm(op, x, x);
  }

  // [tokens, heads * dim] seen as [tokens * heads, dim].
  static Mat per_head(const Mat& x, uint32_t heads, uint32_t dim) {
    return Mat::packed(x.buffer, x.rows * heads, dim);
  }

  Mat mat(Role role, uint32_t rows, uint32_t cols, uint32_t index = 0) const {
    return Mat::packed(model_.activation(role, index).part(0, 4ull * rows * cols), rows, cols);
  }
  Mat rope_table(uint32_t index, uint32_t rows) const {
    return mat(Role::kRopeTable, rows, static_cast<uint32_t>(2 * blueprint_.ropes[index].frequencies.size()),
               index);
  }

  void stage(const Batch& batch) {
    const auto send = [&](Staged what, const auto& values) {
      const auto bytes = std::as_bytes(values);
      stream_->write(model_.staged(what).part(0, bytes.size()), bytes);
    };
    send(Staged::kTokens, batch.tokens);
    send(Staged::kPositions, batch.positions);
    send(Staged::kSequences, batch.sequences);
    send(Staged::kPageTables, batch.page_tables);
    send(Staged::kLogitRows, batch.logit_rows);
    const auto rows = static_cast<uint32_t>(batch.tokens.size());
    kv_rows_ = {model_.staged(Staged::kPositions).part(0, 4ull * rows),
                model_.staged(Staged::kSequences).part(0, 4ull * rows),
                model_.staged(Staged::kPageTables).part(0, 4ull * batch.page_tables.size()), rows,
                limits_.pages_max};
  }

  // The engine's promises; what comes from outside was checked at admission.
  void check(const Batch& batch, size_t logit_values) const {
    GANTRY_CHECK(!batch.tokens.empty());
    GANTRY_CHECK_LE(batch.tokens.size(), size_t{limits_.rows_max});
    GANTRY_CHECK_EQ(batch.positions.size(), batch.tokens.size());
    GANTRY_CHECK_EQ(batch.sequences.size(), batch.tokens.size());
    GANTRY_CHECK_LE(batch.logit_rows.size(), size_t{limits_.logit_rows_max});
    GANTRY_CHECK_LE(batch.page_tables.size(), size_t{limits_.sequences_max} * limits_.pages_max);
    GANTRY_CHECK_LE(batch.logit_rows.size() * limits_.vocab, logit_values);
    for (size_t row = 0; row < batch.tokens.size(); ++row) {
      GANTRY_CHECK(batch.tokens[row] >= 0 && static_cast<uint32_t>(batch.tokens[row]) < limits_.vocab);
      GANTRY_CHECK(batch.positions[row] >= 0 &&
                   static_cast<uint32_t>(batch.positions[row]) < limits_.context_max);
      const size_t entry = static_cast<size_t>(batch.sequences[row]) * limits_.pages_max +
                           static_cast<size_t>(batch.positions[row]) / kPageTokens;
      GANTRY_CHECK_LT(entry, batch.page_tables.size());
      GANTRY_CHECK_LT(batch.page_tables[entry], limits_.pages);
    }
  }

  const arch::Blueprint& blueprint_;
  const LoadedModel& model_;
  const std::unique_ptr<device::Stream> stream_;
  const device::Weight embedding_;
  RunnerLimits limits_;
  std::vector<LayerOp> layers_;
  NormOp output_norm_;
  LinearOp output_;
  device::KvRows kv_rows_;
};

}  // namespace

std::unique_ptr<Runner> make_transformer(const arch::Blueprint& blueprint, const LoadedModel& model,
                                         device::Device& device) {
  return std::make_unique<Transformer>(blueprint, model, device);
}

}  // namespace gantry::model
