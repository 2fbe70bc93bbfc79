// The forward pass of feed-forward layers without experts: their weights looked up, and what a step does with
// them.
#pragma once

#include "arch/layer_spec.h"
#include "model/hands.h"

namespace gantry::model {

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

GatedMlpOp bind_ffn(const arch::GatedMlp& spec, const LoadedModel& model);
PlainMlpOp bind_ffn(const arch::PlainMlp& spec, const LoadedModel& model);
ActivationOnlyOp bind_ffn(const arch::ActivationOnly& spec, const LoadedModel& model);
arch::NoFfn bind_ffn(const arch::NoFfn& spec, const LoadedModel& model);

void run_ffn(Hands& hands, const GatedMlpOp& op, const device::Mat& in, const Target& to);
void run_ffn(Hands& hands, const PlainMlpOp& op, const device::Mat& in, const Target& to);
void run_ffn(Hands& hands, const ActivationOnlyOp& op, const device::Mat& in, const Target& to);
void run_ffn(Hands& hands, const arch::NoFfn& op, const device::Mat& in, const Target& to);

}  // namespace gantry::model
