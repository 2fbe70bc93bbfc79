// The operands of the operations over stacks of matrices: mixtures of experts, and heads that each have a
// matrix of their own. As in ops.h, a row's result depends on that row alone: which other rows went to the
// same expert never shows (contract E1).
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "device/ops.h"

namespace gantry::device {

// Bytes from matrix to matrix of a stack.
inline uint64_t stack_stride(const Sizer& sizer, const WeightShape& shape) {
  return align_up(sizer.packed_bytes(shape), sizer.alignment());
}

// `count` matrices of one shape, each as upload_weight() laid it.
struct WeightStack {
  Buffer buffer;
  WeightShape shape;  // of one
  uint32_t count = 0;
  uint64_t stride = 0;  // stack_stride()

  Weight matrix(uint32_t index) const { return {buffer.part(index * stride, stride), shape}; }
};

// How a router's scores become chosen experts and their weights.
//   value = softmax(score) over all experts, or sigmoid(score), or the score itself (kSoftmaxOfChosen);
//   rank  = value + selection bias; with groups, only experts of the `groups_used` best groups, a group's
//   rank
//           being the sum of its two best;
//   the `used` experts of the greatest rank are chosen, best first, of equals the lower number;
//   weight = value (kSoftmaxOfChosen: softmax over the chosen), divided by their sum (at least 2^-14) where
//            normalised, times scale.
struct Routing {
  enum class Score : uint8_t { kSoftmax, kSigmoid, kSoftmaxOfChosen };
  uint32_t experts = 0, used = 0;
  Score score = Score::kSoftmax;
  uint32_t groups = 1, groups_used = 1;  // groups of equally many experts; 1: no groups
  bool normalise = false;
  float scale = 1;
};
// What a router may have; beyond it is damage.
inline constexpr uint32_t kExpertsMax = 4096;
inline constexpr uint32_t kExpertsUsedMax = 256;

// Which expert does which row. A pair is a row r and one of its slots s: number r * used + s. Each pair has a
// place; places are sorted by expert, within an expert by row.
struct Assignment {
  uint32_t experts = 0, used = 0, rows = 0;
  Buffer starts;   // int32 [experts + 1]: expert e has the places starts[e] .. starts[e + 1]
  Buffer source;   // int32 [rows * used]: by place, the row
  Buffer place;    // int32 [rows * used]: by pair, the place
  Buffer weights;  // float32 [rows * used], by pair
};

struct RouteArgs {
  Routing rule;
  Mat scores;             // [rows, experts]; holds the values afterwards
  Buffer selection_bias;  // float32 [experts], or none
  Assignment out;
};

// out[p] = weight[e] x + bias[e] for each place p of each expert e; x is row p, or the place's source row. Of
// parts of the experts it gives their nodes, as LinearOutput says.
struct ExpertLinearArgs {
  WeightStack weight;
  Assignment who;
  Mat x;  // by_place: [rows * used, cols], else [rows, cols]
  bool by_place = false;
  Buffer bias;     // float32 [experts, weight.rows], or none
  Mat out;         // [rows * used, nodes * weight.rows], by place
  Buffer scratch;  // stack_scratch_bytes(weight.shape, weight.count, rows * used)
};

// out[r] = (accumulate ? out[r] : 0) + (the sum over slots, in order, of weight times y at the pair's place)
struct CombineArgs {
  Assignment who;
  Mat y;  // [rows * used, cols], by place
  bool accumulate = false;
  Mat out;  // [rows, cols]
};

// Matrix h takes the columns from h * x_step of x and makes those from h * out_step of out. Matrices are
// whole.
struct HeadLinearArgs {
  WeightStack weight;
  Mat x;
  uint32_t x_step = 0;
  Mat out;
  uint32_t out_step = 0;
  Buffer scratch;  // stack_scratch_bytes(weight.shape, weight.count, rows * weight.count)
};

struct CopyMatArgs {
  Mat from;
  Mat to;  // not overlapping
};

}  // namespace gantry::device
