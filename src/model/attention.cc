#include "model/attention.h"

namespace gantry::model {

using device::Mat;
using plan::Role;

namespace {

RopeOp bind_rope(const std::optional<uint32_t>& rope, const arch::Blueprint& blueprint) {
  return rope ? RopeOp{&blueprint.ropes[*rope], *rope} : RopeOp{};
}

Mat rope_table(const Hands& hands, const RopeOp& op, uint32_t rows) {
  return hands.mat(Role::kRopeTable, rows, static_cast<uint32_t>(2 * op.spec->frequencies.size()), op.index);
}

// The queries (first: 0) or the gates (first: key_dim) of all heads: [rows * heads, key_dim].
Mat every_second(const Hands& hands, uint32_t rows, const arch::SoftmaxAttention& spec, uint32_t first) {
  const Mat both = hands.mat(Role::kQueryGate, rows * spec.heads, 2 * spec.key_dim);
  return columns(both, first, spec.key_dim);
}

// The last `count` values of each head of `dim`: [rows * heads, count].
Mat ends(const Mat& x, uint32_t heads, uint32_t dim, uint32_t count) {
  const uint64_t from = 4ull * (dim - count);
  return {x.buffer.part(from, x.buffer.bytes - from), x.rows * heads, count, dim};
}

void turn(Hands& hands, const AttentionOp& op, const Mat& q, const Mat& k) {
  if (op.rope.spec == nullptr) return;
  const Mat table = rope_table(hands, op.rope, q.rows);
  const device::RopeOrder order = op.rope.spec->order;
  hands.stream().rope({q, op.spec->heads, op.spec->key_dim, order, table});
  hands.stream().rope({k, op.spec->kv_heads, op.spec->key_dim, order, table});
}

}  // namespace

AttentionOp bind_mixer(const arch::SoftmaxAttention& spec, uint32_t layer, const arch::Blueprint& blueprint,
                       const LoadedModel& model) {
  return {&spec,
          bind(spec.q, model),
          bind(spec.k, model),
          bind(spec.v, model),
          bind(spec.out, model),
          bind(spec.q_norm, model),
          bind(spec.k_norm, model),
          spec.slopes ? model.slopes(*spec.slopes) : device::Buffer{},
          bind(spec.sinks, model),
          {model.kv(layer), plan::kv_shape(spec, model.limits())},
          bind_rope(spec.rope, blueprint),
          plan::window_of(spec, model.limits())};
}

LatentAttentionOp bind_mixer(const arch::LatentAttention& spec, uint32_t layer,
                             const arch::Blueprint& blueprint, const LoadedModel& model) {
  return {&spec,
          spec.q_a ? std::optional(bind(*spec.q_a, model)) : std::nullopt,
          bind(spec.q, model),
          bind(spec.kv_a, model),
          bind(spec.out, model),
          bind(spec.q_a_norm, model),
          bind(spec.kv_a_norm, model),
          model.stack(spec.k_b),
          model.stack(spec.v_b),
          {model.kv(layer), plan::kv_shape(spec, model.limits())},
          bind_rope(spec.rope, blueprint)};
}

void make_rope_table(Hands& hands, const RopeOp& op, const StepRows& rows) {
  hands.stream().rope_table({rows.turns, hands.model().frequencies(op.index), op.spec->scale,
                             rope_table(hands, op, rows.all.count)});
}

void run_mixer(Hands& hands, const AttentionOp& op, const StepRows& step, const Mat& in, const Target& to) {
  const arch::SoftmaxAttention& spec = *op.spec;
  const uint32_t rows = in.rows;
  device::Stream& stream = hands.stream();
  const Mat q = hands.mat(Role::kQuery, rows, spec.heads * spec.key_dim);
  const Mat k = hands.mat(Role::kKey, rows, spec.kv_heads * spec.key_dim);
  const Mat v = hands.mat(Role::kValue, rows, spec.kv_heads * spec.value_dim);
  const Mat projected = spec.gated ? hands.mat(Role::kQueryGate, rows, 2 * q.cols) : q;
  hands.linear(in, {{op.q, projected}, {op.k, k}, {op.v, v}});
  if (spec.clamp != 0) {
    for (const Mat& m : {q, k, v}) stream.scale({m, 1, spec.clamp, 0});
  }
  if (spec.norm_after_rope) turn(hands, op, q, k);
  if (spec.gated)
    hands.norm(op.q_norm, every_second(hands, rows, spec, 0),
               Mat::packed(q.buffer, rows * spec.heads, spec.key_dim));
  else
    hands.norm_parts(op.q_norm, q);
  hands.norm_parts(op.k_norm, k);
  if (!spec.norm_after_rope) turn(hands, op, q, k);
  if (const auto& t = spec.temperature)
    stream.temper({q, step.turns, t->scale, t->offset, t->floor_positions});
  const device::Rows& at = op.window ? step.windows[*op.window] : step.all;
  stream.kv_write({op.pages, at, k, v});
  const Mat attended = hands.mat(Role::kAttended, rows, spec.heads * spec.value_dim);
  stream.attention({op.pages, at, q, spec.heads, spec.score_scale, attended, hands.model().scratch(),
                    spec.score_cap, spec.window, op.slopes, op.sinks, step.causal});
  if (spec.gated) {
    const Mat heads = Mat::packed(attended.buffer, rows * spec.heads, spec.value_dim);
    stream.gate({device::GateKind::kSigmoid, heads, every_second(hands, rows, spec, spec.key_dim), heads});
  }
  hands.linear(op.out, attended, to);
}

// What the layer keeps of a position is its latent and one turned key; queries go to the latent's space.
void run_mixer(Hands& hands, const LatentAttentionOp& op, const StepRows& step, const Mat& in,
               const Target& to) {
  const arch::LatentAttention& spec = *op.spec;
  const uint32_t rows = in.rows, query = spec.query_dim(), key = spec.key_dim();
  device::Stream& stream = hands.stream();
  const device::Buffer scratch = hands.model().scratch();
  const Mat q = hands.mat(Role::kQuery, rows, spec.heads * query);
  const Mat k = hands.mat(Role::kKey, rows, key);
  if (op.q_a) {
    const Mat small = hands.mat(Role::kQueryLatent, rows, op.q_a->weight.shape.rows);
    hands.linear(in, {{*op.q_a, small}, {op.kv_a, k}});
    hands.norm(op.q_a_norm, small, small);
    hands.linear(op.q, small, {q, false});
  } else {
    hands.linear(in, {{op.q, q}, {op.kv_a, k}});
  }
  const Mat latent{k.buffer, rows, spec.latent, k.stride};
  hands.norm(op.kv_a_norm, latent, latent);
  const Mat absorbed = hands.mat(Role::kAbsorbed, rows, spec.heads * key);
  if (op.rope.spec != nullptr) {
    const device::RopeOrder order = op.rope.spec->order;
    const Mat table = rope_table(hands, op.rope, rows);
    stream.rope({q, spec.heads, query, order, table, spec.plain_dim});
    stream.rope({k, 1, key, order, table, spec.latent});
  }
  stream.head_linear({op.k_b, q, query, absorbed, key, scratch});
  stream.copy_mat(
      {ends(q, spec.heads, query, spec.rope_dim), ends(absorbed, spec.heads, key, spec.rope_dim)});
  if (const auto& t = spec.temperature)
    stream.temper({absorbed, step.turns, t->scale, t->offset, t->floor_positions});
  stream.kv_write({op.pages, step.all, k, {}});
  const Mat seen = hands.mat(Role::kLatent, rows, spec.heads * spec.latent);
  stream.attention(
      {op.pages, step.all, absorbed, spec.heads, spec.score_scale, seen, scratch, 0, 0, {}, {}, step.causal});
  const Mat attended = hands.mat(Role::kAttended, rows, spec.heads * spec.value_dim);
  stream.head_linear({op.v_b, seen, spec.latent, attended, spec.value_dim, scratch});
  hands.linear(op.out, attended, to);
}

}  // namespace gantry::model
