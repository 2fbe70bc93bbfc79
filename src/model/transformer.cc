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
  const arch::Norm* spec = nullptr;  // none: no norm here
  Buffer weight, bias;
};
struct AttentionOp {
  const arch::SoftmaxAttention* spec;
  LinearOp q, k, v, out;
  NormOp q_norm, k_norm;
  Buffer slopes, sinks;
  device::KvPages pages;
};
struct GatedMlpOp {
  device::Activation activation;
  LinearOp gate, up, down;
};
struct PlainMlpOp {
  device::Activation activation;
  LinearOp up, down;
};
struct ExpertMlpOp {
  const arch::ExpertMlp* spec;
  LinearOp router;
  Buffer selection_bias;
  device::WeightStack gate, up, down;
  Buffer gate_bias, up_bias, down_bias;
  std::optional<GatedMlpOp> shared;
  std::optional<LinearOp> shared_gate;
};
struct LatentAttentionOp {
  const arch::LatentAttention* spec;
  std::optional<LinearOp> q_a;
  LinearOp q, kv_a, out;
  NormOp q_a_norm, kv_a_norm;
  device::WeightStack k_b, v_b;
  device::KvPages pages;
};
struct LayerOp {
  const arch::LayerSpec* spec;
  NormOp mixer_norm, mixer_post_norm, ffn_norm, ffn_post_norm;
  std::variant<AttentionOp, LatentAttentionOp> mixer;
  std::variant<GatedMlpOp, PlainMlpOp, ExpertMlpOp> ffn;
};

// Where a mixer's or an ffn's result goes.
struct Target {
  Mat mat;
  bool accumulate;  // added to what stands there
};

// Looks weights up once, at construction.
class Binder {
 public:
  Binder(const LoadedModel& model, const plan::Limits& limits) : model_(model), limits_(limits) {}

  LinearOp bind(const arch::Linear& linear) const {
    return {model_.weight(linear.weight), bind(linear.bias)};
  }
  NormOp bind(const std::optional<arch::Norm>& norm) const {
    return norm ? NormOp{&*norm, bind(norm->weight), bind(norm->bias)} : NormOp{};
  }
  LayerOp bind(const arch::LayerSpec& layer, uint32_t index) const {
    return {
        &layer,
        bind(layer.mixer_norm),
        bind(layer.mixer_post_norm),
        bind(layer.ffn_norm),
        bind(layer.ffn_post_norm),
        std::visit([&](const auto& kind) -> decltype(LayerOp::mixer) { return bind_mixer(kind, index); },
                   layer.mixer),
        std::visit([&](const auto& kind) -> decltype(LayerOp::ffn) { return bind_ffn(kind); }, layer.ffn)};
  }

 private:
  Buffer bind(const std::optional<arch::Vector>& vector) const {
    return vector ? model_.vector(*vector) : Buffer{};
  }
  AttentionOp bind_mixer(const arch::SoftmaxAttention& a, uint32_t index) const {
    return {&a,
            bind(a.q),
            bind(a.k),
            bind(a.v),
            bind(a.out),
            bind(a.q_norm),
            bind(a.k_norm),
            a.slopes ? model_.slopes(*a.slopes) : Buffer{},
            bind(a.sinks),
            {model_.kv(index), plan::kv_shape(a, limits_)}};
  }
  GatedMlpOp bind_ffn(const arch::GatedMlp& m) const {
    return {m.activation, bind(m.gate), bind(m.up), bind(m.down)};
  }
  PlainMlpOp bind_ffn(const arch::PlainMlp& m) const { return {m.activation, bind(m.up), bind(m.down)}; }
  ExpertMlpOp bind_ffn(const arch::ExpertMlp& m) const {
    ExpertMlpOp op{&m,
                   bind(m.router),
                   bind(m.selection_bias),
                   m.gate ? model_.stack(*m.gate) : device::WeightStack{},
                   model_.stack(m.up),
                   model_.stack(m.down),
                   bind(m.gate_bias),
                   bind(m.up_bias),
                   bind(m.down_bias),
                   {},
                   {}};
    if (m.shared) op.shared = bind_ffn(*m.shared);
    if (m.shared_gate) op.shared_gate = bind(*m.shared_gate);
    return op;
  }
  LatentAttentionOp bind_mixer(const arch::LatentAttention& a, uint32_t index) const {
    return {&a,
            a.q_a ? std::optional(bind(*a.q_a)) : std::nullopt,
            bind(a.q),
            bind(a.kv_a),
            bind(a.out),
            bind(a.q_a_norm),
            bind(a.kv_a_norm),
            model_.stack(a.k_b),
            model_.stack(a.v_b),
            {model_.kv(index), plan::kv_shape(a, limits_)}};
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
    embedding_norm_ = binder.bind(blueprint.embedding_norm);
    output_norm_ = binder.bind(blueprint.output_norm);
    output_ = binder.bind(blueprint.output);
  }

  const RunnerLimits& limits() const override { return limits_; }

  void step(const Batch& batch, std::span<float> logits) override {
    check(batch, logits.size());
    const auto rows = static_cast<uint32_t>(batch.tokens.size());
    const auto wanted = static_cast<uint32_t>(batch.logit_rows.size());
    stage(batch);
    const Mat x = embed(rows);
    for (uint32_t i = 0; i < blueprint_.ropes.size(); ++i) {
      stream_->rope_table(
          {kv_rows_.positions, model_.frequencies(i), blueprint_.ropes[i].scale, rope_table(i, rows)});
    }
    for (const LayerOp& layer : layers_) forward(layer, x);
    if (wanted > 0) {
      const Mat last = mat(Role::kLast, wanted, blueprint_.width);
      stream_->gather_rows({x, model_.staged(Staged::kLogitRows).part(0, 4ull * wanted), last});
      norm(output_norm_, last, last);
      const Mat out = mat(Role::kLogits, wanted, blueprint_.vocab);
      linear(output_, last, {out, false});
      if (blueprint_.logit_scale != 1 || blueprint_.logit_cap != 0)
        stream_->scale({out, blueprint_.logit_scale, 0, blueprint_.logit_cap});
      stream_->read(std::as_writable_bytes(logits.first(size_t{wanted} * blueprint_.vocab)), out.buffer);
    }
    stream_->sync();
  }

 private:
  // The stream as it enters the first layer.
  Mat embed(uint32_t rows) {
    const Mat x = mat(Role::kStream, rows, blueprint_.width);
    stream_->embed(
        {embedding_, model_.staged(Staged::kTokens).part(0, 4ull * rows), blueprint_.embedding_scale, x});
    if (blueprint_.position_embedding) {
      const Mat positions = mat(Role::kNormed, rows, blueprint_.width);
      stream_->embed({model_.weight(*blueprint_.position_embedding), kv_rows_.positions, 1, positions});
      stream_->add({x, positions, x});
    }
    norm(embedding_norm_, x, x);
    return x;
  }

  void forward(const LayerOp& op, const Mat& x) {
    const arch::LayerSpec& spec = *op.spec;
    const Mat mixer_in = input(op.mixer_norm, x, Role::kNormed);
    Mat ffn_in = mixer_in;
    if (spec.parallel && spec.ffn_norm) ffn_in = input(op.ffn_norm, x, Role::kNormedForFfn);
    const auto branch = [&](const auto& kinds, const Mat& in, const NormOp& post_norm) {
      const bool at_once = post_norm.spec == nullptr && spec.residual_scale == 1;
      const Mat out = at_once ? x : mat(Role::kBranch, x.rows, x.cols);
      std::visit([&](const auto& kind) { forward(kind, in, {out, at_once}); }, kinds);
      if (at_once) return;
      norm(post_norm, out, out);
      stream_->add({x, out, x, spec.residual_scale});
    };
    branch(op.mixer, mixer_in, op.mixer_post_norm);
    if (!spec.parallel) ffn_in = input(op.ffn_norm, x, Role::kNormed);
    branch(op.ffn, ffn_in, op.ffn_post_norm);
  }

  // What a mixer or an ffn reads: x normed, or x itself.
  Mat input(const NormOp& op, const Mat& x, Role role) {
    if (op.spec == nullptr) return x;
    const Mat normed = mat(role, x.rows, x.cols);
    norm(op, x, normed);
    return normed;
  }

  // All positions of the step are written before any is read.
  void forward(const AttentionOp& op, const Mat& in, const Target& to) {
    const arch::SoftmaxAttention& spec = *op.spec;
    const uint32_t rows = in.rows;
    const Mat q = mat(Role::kQuery, rows, spec.heads * spec.key_dim);
    const Mat k = mat(Role::kKey, rows, spec.kv_heads * spec.key_dim);
    const Mat v = mat(Role::kValue, rows, spec.kv_heads * spec.value_dim);
    linear(op.q, in, {q, false});
    linear(op.k, in, {k, false});
    linear(op.v, in, {v, false});
    if (spec.clamp != 0) {
      for (const Mat& m : {q, k, v}) stream_->scale({m, 1, spec.clamp, 0});
    }
    if (spec.norm_after_rope) turn(spec, q, k);
    norm_parts(op.q_norm, q);
    norm_parts(op.k_norm, k);
    if (!spec.norm_after_rope) turn(spec, q, k);
    if (const auto& t = spec.temperature)
      stream_->temper({q, kv_rows_.positions, t->scale, t->offset, t->floor_positions});
    stream_->kv_write({op.pages, kv_rows_, k, v});
    const Mat attended = mat(Role::kAttended, rows, spec.heads * spec.value_dim);
    stream_->attention({op.pages, kv_rows_, q, spec.heads, spec.score_scale, attended, model_.scratch(),
                        spec.score_cap, spec.window, op.slopes, op.sinks});
    linear(op.out, attended, to);
  }

  void turn(const arch::SoftmaxAttention& spec, const Mat& q, const Mat& k) {
    if (!spec.rope) return;
    const device::RopeOrder order = blueprint_.ropes[*spec.rope].order;
    const Mat table = rope_table(*spec.rope, q.rows);
    stream_->rope({q, spec.heads, spec.key_dim, order, table});
    stream_->rope({k, spec.kv_heads, spec.key_dim, order, table});
  }

  // down(activation(gate) * up)
  void forward(const GatedMlpOp& op, const Mat& in, const Target& to) {
    const uint32_t hidden = op.gate.weight.shape.rows;
    const Mat gate = mat(Role::kHidden, in.rows, hidden);
    const Mat up = mat(Role::kUp, in.rows, hidden);
    linear(op.gate, in, {gate, false});
    linear(op.up, in, {up, false});
    stream_->glu({op.activation, gate, up, gate});
    linear(op.down, gate, to);
  }

  // down(activation(up))
  void forward(const PlainMlpOp& op, const Mat& in, const Target& to) {
    const Mat hidden = mat(Role::kHidden, in.rows, op.up.weight.shape.rows);
    linear(op.up, in, {hidden, false});
    stream_->activate({op.activation, hidden, hidden});
    linear(op.down, hidden, to);
  }

  // What the layer keeps of a position is its latent and one turned key; queries go to the latent's space.
  void forward(const LatentAttentionOp& op, const Mat& in, const Target& to) {
    const arch::LatentAttention& spec = *op.spec;
    const uint32_t rows = in.rows, query = spec.query_dim(), key = spec.key_dim();
    const Mat q = mat(Role::kQuery, rows, spec.heads * query);
    if (op.q_a) {
      const Mat small = mat(Role::kQueryLatent, rows, op.q_a->weight.shape.rows);
      linear(*op.q_a, in, {small, false});
      norm(op.q_a_norm, small, small);
      linear(op.q, small, {q, false});
    } else {
      linear(op.q, in, {q, false});
    }
    const Mat k = mat(Role::kKey, rows, key);
    linear(op.kv_a, in, {k, false});
    const Mat latent{k.buffer, rows, spec.latent, k.stride};
    norm(op.kv_a_norm, latent, latent);
    const Mat absorbed = mat(Role::kAbsorbed, rows, spec.heads * key);
    if (spec.rope) {
      const device::RopeOrder order = blueprint_.ropes[*spec.rope].order;
      const Mat table = rope_table(*spec.rope, rows);
      stream_->rope({q, spec.heads, query, order, table, spec.plain_dim});
      stream_->rope({k, 1, key, order, table, spec.latent});
    }
    stream_->head_linear({op.k_b, q, query, absorbed, key, model_.scratch()});
    stream_->copy_mat(
        {ends(q, spec.heads, query, spec.rope_dim), ends(absorbed, spec.heads, key, spec.rope_dim)});
    if (const auto& t = spec.temperature)
      stream_->temper({absorbed, kv_rows_.positions, t->scale, t->offset, t->floor_positions});
    stream_->kv_write({op.pages, kv_rows_, k, {}});
    const Mat seen = mat(Role::kLatent, rows, spec.heads * spec.latent);
    stream_->attention(
        {op.pages, kv_rows_, absorbed, spec.heads, spec.score_scale, seen, model_.scratch(), 0, 0, {}, {}});
    const Mat attended = mat(Role::kAttended, rows, spec.heads * spec.value_dim);
    stream_->head_linear({op.v_b, seen, spec.latent, attended, spec.value_dim, model_.scratch()});
    linear(op.out, attended, to);
  }

  // The last `count` values of each head of `dim`: [rows * heads, count].
  static Mat ends(const Mat& x, uint32_t heads, uint32_t dim, uint32_t count) {
    const uint64_t from = 4ull * (dim - count);
    return {x.buffer.part(from, x.buffer.bytes - from), x.rows * heads, count, dim};
  }

  // The experts' own buffers hold rows by place: sorted by expert.
  void forward(const ExpertMlpOp& op, const Mat& in, const Target& to) {
    const arch::ExpertMlp& spec = *op.spec;
    const device::Routing& rule = spec.routing;
    const uint32_t places = in.rows * rule.used, hidden = spec.hidden();
    const device::Assignment who = assignment(in.rows, rule);
    const Mat scores = mat(Role::kScores, in.rows, rule.experts);
    linear(op.router, in, {scores, false});
    stream_->route({rule, scores, op.selection_bias, who});
    const Mat first = mat(Role::kExpertHidden, places, op.gate.count != 0 ? hidden : 2 * hidden);
    const Mat gate{first.buffer, places, hidden, first.stride};
    Mat up{first.buffer, places, hidden, first.stride};
    if (op.gate.count != 0) {
      up = mat(Role::kExpertUp, places, hidden);
      expert_linear(op.gate, op.gate_bias, who, in, false, gate);
      expert_linear(op.up, op.up_bias, who, in, false, up);
    } else {
      up.buffer = up.buffer.part(4ull * hidden, up.buffer.bytes - 4ull * hidden);
      expert_linear(op.up, op.up_bias, who, in, false, first);
    }
    stream_->glu({spec.activation, gate, up, gate});
    const Mat out = mat(Role::kExpertOut, places, to.mat.cols);
    expert_linear(op.down, op.down_bias, who, gate, true, out);
    stream_->combine({who, out, to.accumulate, to.mat});
    if (op.shared_gate)
      gated_shared(op, in, to.mat);
    else if (op.shared)
      forward(*op.shared, in, {to.mat, true});
  }

  // Shared experts are one more expert that every row chooses; its weight is a sigmoid.
  void gated_shared(const ExpertMlpOp& op, const Mat& in, const Mat& to) {
    const device::Routing rule{1, 1, device::Routing::Score::kSigmoid, 1, 1, false, 1};
    const device::Assignment who = assignment(in.rows, rule);
    const Mat score = mat(Role::kScores, in.rows, 1);
    linear(*op.shared_gate, in, {score, false});
    stream_->route({rule, score, {}, who});
    const Mat out = mat(Role::kExpertOut, in.rows, to.cols);
    forward(*op.shared, in, {out, false});
    stream_->combine({who, out, true, to});
  }

  device::Assignment assignment(uint32_t rows, const device::Routing& rule) const {
    const uint64_t pairs = 4ull * rows * rule.used;
    return {rule.experts,
            rule.used,
            rows,
            model_.activation(Role::kStarts).part(0, 4ull * (rule.experts + 1)),
            model_.activation(Role::kSource).part(0, pairs),
            model_.activation(Role::kPlace).part(0, pairs),
            model_.activation(Role::kExpertWeights).part(0, pairs)};
  }

  void expert_linear(const device::WeightStack& stack, const Buffer& bias, const device::Assignment& who,
                     const Mat& x, bool by_place, const Mat& out) {
    stream_->expert_linear({stack, who, x, by_place, bias, out, model_.scratch()});
  }

  void linear(const LinearOp& op, const Mat& x, const Target& to) {
    stream_->linear({op.weight, x, op.bias, to.accumulate, to.mat, model_.scratch()});
  }
  void norm(const NormOp& op, const Mat& x, const Mat& out) {
    if (op.spec == nullptr) return;
    const arch::Norm& spec = *op.spec;
    stream_->norm({spec.kind, x, op.weight, op.bias, spec.groups, spec.eps, out});
  }
  // Heads one by one, or as many values as the norm has: [rows, n * size] seen as [rows * n, size].
  void norm_parts(const NormOp& op, const Mat& x) {
    if (op.spec == nullptr) return;
    const uint32_t size = op.spec->size;
    const Mat parts = Mat::packed(x.buffer, x.rows * (x.cols / size), size);
    norm(op, parts, parts);
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
  NormOp embedding_norm_, output_norm_;
  LinearOp output_;
  device::KvRows kv_rows_;
};

}  // namespace

std::unique_ptr<Runner> make_transformer(const arch::Blueprint& blueprint, const LoadedModel& model,
                                         device::Device& device) {
  return std::make_unique<Transformer>(blueprint, model, device);
}

}  // namespace gantry::model
