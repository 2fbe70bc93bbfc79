// The buffers that a step works in, each once: the planner counts them, the forward pass takes them by name.
// Sized for the largest batch and the widest layer.
#pragma once

#include <cstdint>
#include <vector>

#include "arch/blueprint.h"
#include "plan/memory_plan.h"

namespace gantry::plan {

enum class Role : uint8_t {
  kStream,        // [step_rows, width] what layers add to
  kNormed,        // [step_rows, width]
  kNormedForFfn,  // [step_rows, width] where a parallel layer norms twice; else empty
  kBranch,     // [step_rows, width] a layer's result before it joins the stream; empty where it joins at once
  kQuery,      // [step_rows, heads * key_dim]
  kKey,        // [step_rows, kv_heads * key_dim]
  kValue,      // [step_rows, kv_heads * value_dim]
  kAttended,   // [step_rows, heads * value_dim]
  kHidden,     // [step_rows, hidden]
  kUp,         // [step_rows, hidden] what gates; empty where nothing does
  kQueryGate,  // [step_rows, 2 * heads * key_dim] queries and what gates their results
  kProjected,  // [step_rows, what a recurrent layer's first matrix gives]
  kConvolved,  // [step_rows, channels]
  kRecalled,   // [step_rows, what a recurrent layer's memory gives]
  kRates,      // [step_rows, 2 * value_heads] how fast a delta rule forgets and learns
  kRopeTable,  // [step_rows, 2 * pairs], one for each rotation of the Blueprint
  kQueryLatent,    // [step_rows, q_latent]
  kAbsorbed,       // [step_rows, heads * (latent + rope_dim)] queries in the latent's space
  kLatent,         // [step_rows, heads * latent] what the heads attended, there
  kScores,         // [step_rows, experts] of a router, then that of shared experts
  kStarts,         // int32 [experts + 1]    device::Assignment
  kSource,         // int32 [step_rows, used]
  kPlace,          // int32 [step_rows, used]
  kExpertWeights,  // [step_rows, used]
  kExpertHidden,   // [step_rows * used, hidden], twice as wide where gate and up are one matrix
  kExpertUp,       // [step_rows * used, hidden]
  kExpertOut,      // [step_rows * used, width]
  kLast,           // [logit_rows, width] the rows whose logits are wanted
  kLogits,         // [logit_rows, vocab]
  kNodes,          // [step_rows, all ranks' nodes of a sum] of a shard's last matrices; of experts by place
};
const char* name_of(Role role);

// One buffer of float32 (or, where said, int32).
struct Activation {
  Role role;
  uint32_t index;  // which rotation; 0 otherwise
  uint32_t rows;
  uint64_t cols;
  uint64_t bytes() const { return 4 * rows * cols; }
};

std::vector<Activation> list_activations(const arch::Blueprint& blueprint, const Limits& limits);

// The largest scratch that any operation of the step needs.
uint64_t scratch_bytes(const arch::Blueprint& blueprint, const Limits& limits, const device::Sizer& sizer);

// One layer's sequence memory.
device::KvShape kv_shape(const arch::SoftmaxAttention& attention, const Limits& limits);
device::KvShape kv_shape(const arch::LatentAttention& attention, const Limits& limits);

}  // namespace gantry::plan
