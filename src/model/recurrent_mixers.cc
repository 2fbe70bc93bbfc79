#include "model/recurrent_mixers.h"

#include <cmath>

#include "base/check.h"

namespace gantry::model {

using device::Mat;
using plan::Role;

ShortConvOp bind_mixer(const arch::ShortConv& spec, uint32_t layer, const LoadedModel& model) {
  return {&spec,
          bind(spec.in, model),
          bind(spec.out, model),
          model.vector(spec.conv),
          bind(spec.conv_bias, model),
          model.state_part(model.state_layout().layers[layer].conv)};
}

Mamba2Op bind_mixer(const arch::Mamba2& spec, uint32_t layer, const LoadedModel& model) {
  const plan::LayerState& state = model.state_layout().layers[layer];
  return {&spec,
          bind(spec.in, model),
          bind(spec.out, model),
          model.vector(spec.conv),
          bind(spec.conv_bias, model),
          model.vector(spec.a),
          model.vector(spec.d),
          model.vector(spec.dt_bias),
          bind(spec.norm, model),
          model.state_part(state.conv),
          model.state_part(state.memory)};
}

GatedDeltaOp bind_mixer(const arch::GatedDelta& spec, uint32_t layer, const LoadedModel& model) {
  const plan::LayerState& state = model.state_layout().layers[layer];
  return {&spec,
          bind(spec.qkv, model),
          bind(spec.gate, model),
          bind(spec.alpha, model),
          bind(spec.beta, model),
          bind(spec.out, model),
          model.vector(spec.conv),
          bind(spec.conv_bias, model),
          model.vector(spec.a),
          model.vector(spec.dt_bias),
          bind(spec.norm, model),
          model.state_part(state.conv),
          model.state_part(state.memory)};
}

// out(c * conv(b * x))
void run_mixer(Hands& hands, const ShortConvOp& op, const device::Rows& rows, const Mat& in,
               const Target& to) {
  const uint32_t count = in.rows, channels = op.spec->channels;
  const Mat bcx = hands.mat(Role::kProjected, count, 3 * channels);
  const Mat mixed = hands.mat(Role::kConvolved, count, channels);
  hands.linear(op.in, in, {bcx, false});
  const Mat b = columns(bcx, 0, channels), c = columns(bcx, channels, channels);
  device::Stream& stream = hands.stream();
  stream.gate({device::GateKind::kPlain, columns(bcx, 2 * channels, channels), b, mixed});
  stream.short_conv({rows, op.conv_state, mixed, op.conv, op.conv_bias, op.spec->taps, false, mixed});
  stream.gate({device::GateKind::kPlain, mixed, c, mixed});
  hands.linear(op.out, mixed, to);
}

// out(norm(silu(z) * scan(silu(conv(x, b, c)), dt)))
void run_mixer(Hands& hands, const Mamba2Op& op, const device::Rows& rows, const Mat& in, const Target& to) {
  const arch::Mamba2& spec = *op.spec;
  const uint32_t count = in.rows, inner = spec.inner(), shared = spec.groups * spec.state_dim;
  const Mat all = hands.mat(Role::kProjected, count, inner + spec.channels() + spec.heads);
  const Mat mixed = hands.mat(Role::kConvolved, count, spec.channels());
  const Mat scanned = hands.mat(Role::kRecalled, count, inner);
  hands.linear(op.in, in, {all, false});
  device::Stream& stream = hands.stream();
  stream.short_conv({rows, op.conv_state, columns(all, inner, spec.channels()), op.conv, op.conv_bias,
                     spec.taps, true, mixed});
  stream.selective_scan({rows, op.scan_state, spec.heads, spec.head_dim, spec.groups, spec.state_dim,
                         columns(mixed, 0, inner), columns(mixed, inner, shared),
                         columns(mixed, inner + shared, shared),
                         columns(all, inner + spec.channels(), spec.heads), op.a, op.d, op.dt_bias, scanned});
  stream.glu({device::Activation::kSilu, columns(all, 0, inner), scanned, scanned});
  hands.norm_parts(op.norm, scanned);
  hands.linear(op.out, scanned, to);
}

// out(silu(gate) * norm(delta(q / |q|, k / |k|, v))), with q, k, v = silu(conv(qkv))
void run_mixer(Hands& hands, const GatedDeltaOp& op, const device::Rows& rows, const Mat& in,
               const Target& to) {
  const arch::GatedDelta& spec = *op.spec;
  const uint32_t count = in.rows, keys = spec.key_heads * spec.key_dim;
  const uint32_t values = spec.value_heads * spec.value_dim;
  const Mat both = hands.mat(Role::kProjected, count, spec.channels() + values);
  const Mat projected = columns(both, 0, spec.channels()), gate = columns(both, spec.channels(), values);
  const Mat mixed = hands.mat(Role::kConvolved, count, spec.channels());
  const Mat rates = hands.mat(Role::kRates, count, 2 * spec.value_heads);
  const Mat alpha = columns(rates, 0, spec.value_heads);
  const Mat beta = columns(rates, spec.value_heads, spec.value_heads);
  const Mat recalled = hands.mat(Role::kRecalled, count, values);
  hands.linear(in, {{op.qkv, projected}, {op.gate, gate}, {op.alpha, alpha}, {op.beta, beta}});
  device::Stream& stream = hands.stream();
  stream.short_conv({rows, op.conv_state, projected, op.conv, op.conv_bias, spec.taps, true, mixed});
  const Mat q = columns(mixed, 0, keys), k = columns(mixed, keys, keys);
  const float q_scale = 1 / std::sqrt(static_cast<float>(spec.key_dim));
  stream.l2_norm({q, spec.key_heads, spec.length_eps, q_scale, q});
  stream.l2_norm({k, spec.key_heads, spec.length_eps, 1, k});
  stream.gated_delta({rows, op.delta_state, spec.key_heads, spec.value_heads, spec.key_dim, spec.value_dim, q,
                      k, columns(mixed, 2 * keys, values), alpha, beta, op.a, op.dt_bias, recalled});
  hands.norm_parts(op.norm, recalled);
  stream.glu({device::Activation::kSilu, gate, recalled, recalled});
  hands.linear(op.out, recalled, to);
}

}  // namespace gantry::model
