// The forward pass of attention: its weights looked up, and what a step does with them.
#pragma once

#include <cstdint>
#include <optional>

#include "arch/blueprint.h"
#include "device/device.h"
#include "model/hands.h"
#include "model/staging.h"

namespace gantry::model {

// A rope of the Blueprint, by its number.
struct RopeOp {
  const arch::Rope* spec = nullptr;  // none: nothing turns
  uint32_t index = 0;
};
struct AttentionOp {
  const arch::SoftmaxAttention* spec;
  LinearOp q, k, v, out;
  NormOp q_norm, k_norm;
  device::Buffer slopes, sinks;
  device::KvPages pages;
  RopeOp rope;
  std::optional<uint32_t> window;  // whose page tables; none: those of whole contexts
};
struct LatentAttentionOp {
  const arch::LatentAttention* spec;
  std::optional<LinearOp> q_a;
  LinearOp q, kv_a, out;
  NormOp q_a_norm, kv_a_norm;
  device::WeightStack k_b, v_b;
  device::KvPages pages;
  RopeOp rope;
};

AttentionOp bind_mixer(const arch::SoftmaxAttention& spec, uint32_t layer, const arch::Blueprint& blueprint,
                       const LoadedModel& model);
LatentAttentionOp bind_mixer(const arch::LatentAttention& spec, uint32_t layer,
                             const arch::Blueprint& blueprint, const LoadedModel& model);

// Fills the table that a step's rows turn by.
void make_rope_table(Hands& hands, const RopeOp& op, const StepRows& rows);

// All positions of the step are written before any is read.
void run_mixer(Hands& hands, const AttentionOp& op, const StepRows& rows, const device::Mat& in,
               const Target& to);
void run_mixer(Hands& hands, const LatentAttentionOp& op, const StepRows& rows, const device::Mat& in,
               const Target& to);

}  // namespace gantry::model
