#include "model/experts.h"

namespace gantry::model {

using device::Buffer;
using device::Mat;
using plan::Role;

namespace {

device::Assignment assignment(const Hands& hands, uint32_t rows, const device::Routing& rule) {
  const uint64_t pairs = 4ull * rows * rule.used;
  const LoadedModel& model = hands.model();
  return {rule.experts,
          rule.used,
          rows,
          model.activation(Role::kStarts).part(0, 4ull * (rule.experts + 1)),
          model.activation(Role::kSource).part(0, pairs),
          model.activation(Role::kPlace).part(0, pairs),
          model.activation(Role::kExpertWeights).part(0, pairs)};
}

void expert_linear(Hands& hands, const device::WeightStack& stack, const Buffer& bias,
                   const device::Assignment& who, const Mat& x, bool by_place, const Mat& out) {
  hands.stream().expert_linear({stack, who, x, by_place, bias, out, hands.model().scratch()});
}

// What the experts say of each place, whole before it is weighted.
void run_down(Hands& hands, const ExpertMlpOp& op, const device::Assignment& who, const Mat& hidden,
              const Mat& out) {
  if (!op.down.shape.is_part()) {
    expert_linear(hands, op.down, op.down_bias, who, hidden, true, out);
    return;
  }
  device::FinishLinearArgs finish;
  finish.bias = op.down_bias;
  finish.experts = who.experts;
  finish.starts = who.starts;
  finish.out = out;
  const auto sum_own = [&](const Mat& own) { expert_linear(hands, op.down, {}, who, hidden, true, own); };
  hands.share_sum(op.down_sum, out.rows, out.cols, sum_own, finish);
}

// Shared experts are one more expert that every row chooses; its weight is a sigmoid of `score`.
void run_gated_shared(Hands& hands, const ExpertMlpOp& op, const Mat& score, const Mat& in, const Mat& to) {
  const device::Routing rule{1, 1, device::Routing::Score::kSigmoid, 1, 1, false, 1};
  const device::Assignment who = assignment(hands, in.rows, rule);
  hands.stream().route({rule, score, {}, who});
  const Mat out = hands.mat(Role::kExpertOut, in.rows, to.cols);
  run_ffn(hands, *op.shared, in, {out, false});
  hands.stream().combine({who, out, true, to});
}

}  // namespace

ExpertMlpOp bind_ffn(const arch::ExpertMlp& spec, const LoadedModel& model) {
  ExpertMlpOp op{&spec,
                 bind(spec.router, model),
                 bind(spec.selection_bias, model),
                 spec.gate ? model.stack(*spec.gate) : device::WeightStack{},
                 model.stack(spec.up),
                 model.stack(spec.down),
                 bind(spec.gate_bias, model),
                 bind(spec.up_bias, model),
                 bind(spec.down_bias, model),
                 model.dealt_sum(spec.down.shape),
                 {},
                 {}};
  if (spec.shared) op.shared = bind_ffn(*spec.shared, model);
  if (spec.shared_gate) op.shared_gate = bind(*spec.shared_gate, model);
  return op;
}

// The experts' own buffers hold rows by place: sorted by expert.
void run_ffn(Hands& hands, const ExpertMlpOp& op, const Mat& in, const Target& to) {
  const arch::ExpertMlp& spec = *op.spec;
  const device::Routing& rule = spec.routing;
  const uint32_t places = in.rows * rule.used, hidden = spec.hidden();
  const device::Assignment who = assignment(hands, in.rows, rule);
  device::Stream& stream = hands.stream();
  const Mat all = hands.mat(Role::kScores, in.rows, spec.scores());
  const Mat scores = columns(all, 0, rule.experts);
  if (op.shared_gate)
    hands.linear(in, {{op.router, scores}, {*op.shared_gate, columns(all, rule.experts, 1)}});
  else
    hands.linear(op.router, in, {scores, false});
  stream.route({rule, scores, op.selection_bias, who});
  const Mat first = hands.mat(Role::kExpertHidden, places, op.gate.count != 0 ? hidden : 2 * hidden);
  const Mat gate{first.buffer, places, hidden, first.stride};
  Mat up{first.buffer, places, hidden, first.stride};
  if (op.gate.count != 0) {
    up = hands.mat(Role::kExpertUp, places, hidden);
    expert_linear(hands, op.gate, op.gate_bias, who, in, false, gate);
    expert_linear(hands, op.up, op.up_bias, who, in, false, up);
  } else {
    up.buffer = up.buffer.part(4ull * hidden, up.buffer.bytes - 4ull * hidden);
    expert_linear(hands, op.up, op.up_bias, who, in, false, first);
  }
  stream.glu({spec.activation, gate, up, gate});
  const Mat out = hands.mat(Role::kExpertOut, places, to.mat.cols);
  run_down(hands, op, who, gate, out);
  stream.combine({who, out, to.accumulate, to.mat});
  if (op.shared_gate)
    run_gated_shared(hands, op, columns(all, rule.experts, 1), in, to.mat);
  else if (op.shared)
    run_ffn(hands, *op.shared, in, {to.mat, true});
}

}  // namespace gantry::model
