// The forward pass of the recurrent mixers: their weights looked up, and what a step does with them.
#pragma once

#include <span>
#include <vector>

#include "arch/layer_spec.h"
#include "base/copies.h"
#include "device/recurrent_ops.h"
#include "model/hands.h"
#include "model/runner.h"

namespace gantry::model {

struct ShortConvOp {
  const arch::ShortConv* spec;
  LinearOp in, out;
  device::Buffer conv, conv_bias;
  device::StatePart conv_state;
};
struct Mamba2Op {
  const arch::Mamba2* spec;
  LinearOp in, out;
  device::Buffer conv, conv_bias, a, d, dt_bias;
  NormOp norm;
  device::StatePart conv_state, scan_state;
};
struct GatedDeltaOp {
  const arch::GatedDelta* spec;
  LinearOp qkv, gate, alpha, beta, out;
  device::Buffer conv, conv_bias, a, dt_bias;
  NormOp norm;
  device::StatePart conv_state, delta_state;
};

ShortConvOp bind_mixer(const arch::ShortConv& spec, uint32_t layer, const LoadedModel& model);
Mamba2Op bind_mixer(const arch::Mamba2& spec, uint32_t layer, const LoadedModel& model);
GatedDeltaOp bind_mixer(const arch::GatedDelta& spec, uint32_t layer, const LoadedModel& model);

// `in`: of the step's rows.
void run_mixer(Hands& hands, const ShortConvOp& op, const device::Rows& rows, const device::Mat& in,
               const Target& to);
void run_mixer(Hands& hands, const Mamba2Op& op, const device::Rows& rows, const device::Mat& in,
               const Target& to);
void run_mixer(Hands& hands, const GatedDeltaOp& op, const device::Rows& rows, const device::Mat& in,
               const Target& to);

}  // namespace gantry::model
