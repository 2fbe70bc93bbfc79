#include "model/transformer.h"

#include <variant>

#include "base/check.h"
#include "model/hands.h"
#include "model/recurrent_mixers.h"

namespace gantry::model {
namespace {

using device::Buffer;
using device::Mat;
using plan::Role;
using plan::Staged;

// The work of one kind of layer, its weights already looked up: what a step needs and nothing more.
struct AttentionOp {
  const arch::SoftmaxAttention* spec;
  LinearOp q, k, v, out;
  NormOp q_norm, k_norm;
  Buffer slopes, sinks;
  device::KvPages pages;
  std::optional<uint32_t> window;  // whose page tables; none: those of whole contexts
};
struct GatedMlpOp {
  device::Activation activation;
  LinearOp gate, up, down;
};
struct PlainMlpOp {
  device::Activation activation;
  LinearOp up, down;
};
struct ActivationOnlyOp {
  device::Activation activation;
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
  std::variant<AttentionOp, LatentAttentionOp, ShortConvOp, Mamba2Op, GatedDeltaOp> mixer;
  std::variant<GatedMlpOp, PlainMlpOp, ExpertMlpOp, ActivationOnlyOp, arch::NoFfn> ffn;
};

// Looks weights up once, at construction.
class Binder {
 public:
  Binder(const LoadedModel& model, const plan::Limits& limits) : model_(model), limits_(limits) {}

  template <typename Part>
  auto bind(const Part& part) const {
    return model::bind(part, model_);
  }
  template <typename Recurrent>
  auto bind_mixer(const Recurrent& spec, uint32_t index) const {
    return model::bind_mixer(spec, index, model_);
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
            {model_.kv(index), plan::kv_shape(a, limits_)},
            plan::window_of(a, limits_)};
  }
  GatedMlpOp bind_ffn(const arch::GatedMlp& m) const {
    return {m.activation, bind(m.gate), bind(m.up), bind(m.down)};
  }
  PlainMlpOp bind_ffn(const arch::PlainMlp& m) const { return {m.activation, bind(m.up), bind(m.down)}; }
  ActivationOnlyOp bind_ffn(const arch::ActivationOnly& a) const { return {a.activation}; }
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
  arch::NoFfn bind_ffn(const arch::NoFfn&) const { return {}; }

  const LoadedModel& model_;
  const plan::Limits& limits_;
};

class Transformer final : public Runner, private Hands {
 public:
  Transformer(const arch::Blueprint& blueprint, const LoadedModel& model, device::Device& device)
      : Hands(model, device),
        blueprint_(blueprint),
        embedding_(model.weight(blueprint.embedding)),
        run_stage_(model.limits().sequences) {
    const plan::Limits& l = model.limits();
    limits_ = {.vocab = blueprint.vocab,
               .context_max = l.context,
               .sequences_max = l.sequences,
               .rows_max = l.step_rows,
               .logit_rows_max = l.logit_rows,
               .pages = l.pages,
               .pages_max = l.pages_max,
               .recurrent = model.state_layout().bytes != 0,
               .windows = {},
               .checkpoints = l.checkpoints};
    for (const auto& [window, pages] : l.windows) limits_.windows.push_back({window, pages});
    window_rows_.resize(l.windows.size());
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
    copy_states(*this, batch.restores);
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
    copy_states(*this, batch.saves);
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
    if (!std::holds_alternative<arch::NoFfn>(op.ffn)) branch(op.ffn, ffn_in, op.ffn_post_norm);
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
    if (spec.gated)
      linear(op.q, in, {mat(Role::kQueryGate, rows, 2 * q.cols), false});
    else
      linear(op.q, in, {q, false});
    linear(op.k, in, {k, false});
    linear(op.v, in, {v, false});
    if (spec.clamp != 0) {
      for (const Mat& m : {q, k, v}) stream_->scale({m, 1, spec.clamp, 0});
    }
    if (spec.norm_after_rope) turn(spec, q, k);
    if (spec.gated)
      norm(op.q_norm, every_second(rows, spec, 0), Mat::packed(q.buffer, rows * spec.heads, spec.key_dim));
    else
      norm_parts(op.q_norm, q);
    norm_parts(op.k_norm, k);
    if (!spec.norm_after_rope) turn(spec, q, k);
    if (const auto& t = spec.temperature)
      stream_->temper({q, kv_rows_.positions, t->scale, t->offset, t->floor_positions});
    const device::KvRows& at = op.window ? window_rows_[*op.window] : kv_rows_;
    stream_->kv_write({op.pages, at, k, v});
    const Mat attended = mat(Role::kAttended, rows, spec.heads * spec.value_dim);
    stream_->attention({op.pages, at, q, spec.heads, spec.score_scale, attended, model_.scratch(),
                        spec.score_cap, spec.window, op.slopes, op.sinks});
    if (spec.gated) {
      const Mat heads = Mat::packed(attended.buffer, rows * spec.heads, spec.value_dim);
      stream_->gate({device::GateKind::kSigmoid, heads, every_second(rows, spec, spec.key_dim), heads});
    }
    linear(op.out, attended, to);
  }

  // The queries (first: 0) or the gates (first: key_dim) of all heads: [rows * heads, key_dim].
  Mat every_second(uint32_t rows, const arch::SoftmaxAttention& spec, uint32_t first) const {
    const Mat both = mat(Role::kQueryGate, rows * spec.heads, 2 * spec.key_dim);
    return columns(both, first, spec.key_dim);
  }

  void forward(const ShortConvOp& op, const Mat& in, const Target& to) {
    run_mixer(*this, op, runs_, in, to);
  }
  void forward(const Mamba2Op& op, const Mat& in, const Target& to) { run_mixer(*this, op, runs_, in, to); }
  void forward(const GatedDeltaOp& op, const Mat& in, const Target& to) {
    run_mixer(*this, op, runs_, in, to);
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

  void forward(const arch::NoFfn&, const Mat&, const Target&) {}

  // down(activation(up))
  void forward(const PlainMlpOp& op, const Mat& in, const Target& to) {
    const Mat hidden = mat(Role::kHidden, in.rows, op.up.weight.shape.rows);
    linear(op.up, in, {hidden, false});
    stream_->activate({op.activation, hidden, hidden});
    linear(op.down, hidden, to);
  }

  void forward(const ActivationOnlyOp& op, const Mat& in, const Target& to) {
    const Mat out = to.accumulate ? mat(Role::kNormed, in.rows, in.cols) : to.mat;
    stream_->activate({op.activation, in, out});
    if (to.accumulate) stream_->add({to.mat, out, to.mat});
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
    if (limits_.recurrent) runs_ = run_stage_.send(*this, batch);
    const auto rows = static_cast<uint32_t>(batch.tokens.size());
    kv_rows_ = {model_.staged(Staged::kPositions).part(0, 4ull * rows),
                model_.staged(Staged::kSequences).part(0, 4ull * rows),
                model_.staged(Staged::kPageTables).part(0, 4ull * batch.page_tables.size()), rows,
                limits_.pages_max};
    send(Staged::kWindowTables, batch.window_tables);
    for (size_t i = 0; i < window_rows_.size(); ++i) {
      const uint64_t bytes = 4ull * batch.page_tables.size();
      window_rows_[i] = kv_rows_;
      window_rows_[i].page_tables = model_.staged(Staged::kWindowTables).part(i * bytes, bytes);
    }
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
    GANTRY_CHECK_EQ(batch.window_tables.size(), limits_.windows.size() * batch.page_tables.size());
    const uint64_t states = uint64_t{limits_.sequences_max} + limits_.checkpoints;
    for (const auto copies : {batch.restores, batch.saves}) {
      for (const auto& [from, to] : copies) GANTRY_CHECK(limits_.recurrent && to < states && from < states);
    }
    for (size_t row = 0; row < batch.tokens.size(); ++row) {
      GANTRY_CHECK(batch.tokens[row] >= 0 && static_cast<uint32_t>(batch.tokens[row]) < limits_.vocab);
      GANTRY_CHECK(batch.positions[row] >= 0 &&
                   static_cast<uint32_t>(batch.positions[row]) < limits_.context_max);
      const size_t entry = static_cast<size_t>(batch.sequences[row]) * limits_.pages_max +
                           static_cast<size_t>(batch.positions[row]) / kPageTokens;
      GANTRY_CHECK_LT(entry, batch.page_tables.size());
      GANTRY_CHECK_LT(batch.page_tables[entry], limits_.pages);
      for (size_t i = 0; i < limits_.windows.size(); ++i)
        GANTRY_CHECK_LT(batch.window_tables[i * batch.page_tables.size() + entry], limits_.windows[i].pages);
    }
  }

  const arch::Blueprint& blueprint_;
  const device::Weight embedding_;
  RunnerLimits limits_;
  std::vector<LayerOp> layers_;
  NormOp embedding_norm_, output_norm_;
  LinearOp output_;
  device::KvRows kv_rows_;
  std::vector<device::KvRows> window_rows_;
  RunStage run_stage_;
  device::Runs runs_;
};

}  // namespace

std::unique_ptr<Runner> make_transformer(const arch::Blueprint& blueprint, const LoadedModel& model,
                                         device::Device& device) {
  return std::make_unique<Transformer>(blueprint, model, device);
}

}  // namespace gantry::model
