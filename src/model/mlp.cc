#include "model/mlp.h"

namespace gantry::model {

using device::Mat;
using plan::Role;

GatedMlpOp bind_ffn(const arch::GatedMlp& spec, const LoadedModel& model) {
  return {spec.activation, bind(spec.gate, model), bind(spec.up, model), bind(spec.down, model)};
}

PlainMlpOp bind_ffn(const arch::PlainMlp& spec, const LoadedModel& model) {
  return {spec.activation, bind(spec.up, model), bind(spec.down, model)};
}

ActivationOnlyOp bind_ffn(const arch::ActivationOnly& spec, const LoadedModel&) { return {spec.activation}; }

arch::NoFfn bind_ffn(const arch::NoFfn& spec, const LoadedModel&) { return spec; }

// down(activation(gate) * up)
void run_ffn(Hands& hands, const GatedMlpOp& op, const Mat& in, const Target& to) {
  const uint32_t hidden = op.gate.weight.shape.rows;
  const Mat gate = hands.mat(Role::kHidden, in.rows, hidden);
  const Mat up = hands.mat(Role::kUp, in.rows, hidden);
  hands.linear(in, {{op.gate, gate}, {op.up, up}});
  hands.stream().glu({op.activation, gate, up, gate});
  hands.linear(op.down, gate, to);
}

// down(activation(up))
void run_ffn(Hands& hands, const PlainMlpOp& op, const Mat& in, const Target& to) {
  const Mat hidden = hands.mat(Role::kHidden, in.rows, op.up.weight.shape.rows);
  hands.linear(op.up, in, {hidden, false});
  hands.stream().activate({op.activation, hidden, hidden});
  hands.linear(op.down, hidden, to);
}

void run_ffn(Hands& hands, const ActivationOnlyOp& op, const Mat& in, const Target& to) {
  const Mat out = to.accumulate ? hands.mat(Role::kNormed, in.rows, in.cols) : to.mat;
  hands.stream().activate({op.activation, in, out});
  if (to.accumulate) hands.stream().add({to.mat, out, to.mat});
}

void run_ffn(Hands&, const arch::NoFfn&, const Mat&, const Target&) {}

}  // namespace gantry::model
