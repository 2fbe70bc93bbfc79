// The forward pass of experts: their weights looked up, and what a step does with them.
#pragma once

#include <optional>

#include "arch/layer_spec.h"
#include "device/device.h"
#include "model/hands.h"
#include "model/mlp.h"

namespace gantry::model {

struct ExpertMlpOp {
  const arch::ExpertMlp* spec;
  LinearOp router;
  device::Buffer selection_bias;
  device::WeightStack gate, up, down;
  device::Buffer gate_bias, up_bias, down_bias;
  arch::DealtSum down_sum;  // where `down` was dealt
  std::optional<GatedMlpOp> shared;
  std::optional<LinearOp> shared_gate;
};

ExpertMlpOp bind_ffn(const arch::ExpertMlp& spec, const LoadedModel& model);

void run_ffn(Hands& hands, const ExpertMlpOp& op, const device::Mat& in, const Target& to);

}  // namespace gantry::model
