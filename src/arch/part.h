// A part of a model is a model: some of its layers (a stage), one rank's share of them (a shard), or both, as
// a Blueprint of its own. Planner, loader and forward pass stay what they are, one for each device
// (docs/decisions/0010).
//
// Stage: the first one takes tokens and has the embeddings, the last one gives logits and has the output's
// norm and matrix (of a tied model: the embedding's tensor again); between them go rows of `width` values.
//
// Shard: every rank has all layers. Of a mixer or an ffn that is dealt it has some heads or hidden values:
// the rows that make them and the columns that read them, whole sections of the last matrix's sum
// (device/sections.h), so that the ranks' results add up to the bits of the whole. What has fewer sections
// than there are ranks, or norms all heads at once, is not dealt: each rank has it whole and computes it
// whole (LayerSpec::mixer_dealt, ffn_dealt). The output is dealt by rows of the vocabulary. Whole on every
// rank: embeddings, norms, biases that are added to a sum, routers, what makes latents, KV heads that all
// query heads share, and of a delta rule those key heads that value heads of several ranks read.
#pragma once

#include <cstdint>
#include <vector>

#include "arch/blueprint.h"
#include "device/sections.h"

namespace gantry::arch {

struct Part {
  uint32_t first_layer = 0;
  uint32_t layers = 0;  // 0: all from first_layer on
  uint32_t rank = 0;
  std::vector<uint32_t> shares = {1};  // of the ranks, in proportion: {1, 1}, {5, 3}
};

// Points into the same file. Error kInvalidRequest for layers, ranks or shares that the model does not have;
// kUnsupported for a shard of a shard, and where none of the whole's layers can be dealt to so many ranks.
Blueprint part(const Blueprint& whole, const Part& part);

// The rank's share of `units` things in a row, at least one of them; none where there are fewer than ranks.
std::optional<Range> share_of(uint32_t units, const Ranks& ranks);

// The sum of a last matrix that was dealt: what all ranks' sections come to, from left to right, and which of
// these nodes are this rank's own.
struct DealtSum {
  uint32_t sections = 1;  // of the whole layer
  device::SectionRanges nodes;
  Range own;
};
DealtSum dealt_sum(const device::WeightShape& last, const Ranks& ranks);

}  // namespace gantry::arch
