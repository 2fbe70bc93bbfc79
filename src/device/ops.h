// The operands of the operations. Activations are float32, row-major. Every operation's result for one row
// depends on that row alone (and the memory it names), never on the other rows (contract E1).
#pragma once

#include <cstdint>
#include <initializer_list>

#include "base/ids.h"
#include "device/buffer.h"
#include "device/rows.h"
#include "device/sections.h"
#include "device/sizer.h"

namespace gantry::device {

// Float32 [rows, cols]; row i starts at value i * stride.
struct Mat {
  Buffer buffer;
  uint32_t rows = 0;
  uint32_t cols = 0;
  uint32_t stride = 0;

  static Mat packed(const Buffer& buffer, uint32_t rows, uint32_t cols) { return {buffer, rows, cols, cols}; }
};

// A weight in the device's own layout, as upload_weight() laid it.
struct Weight {
  Buffer buffer;
  WeightShape shape;
};

struct EmbedArgs {
  Weight table;     // [vocab, width]
  Buffer tokens;    // int32 [out.rows]
  float scale = 1;  // applied to every value
  Mat out;          // [tokens, width]
};

// RMS: out[r] = x[r] / sqrt(mean(x[r]^2) + eps) * weight + bias. Layer: the same of x[r] - mean(x[r]). Heads
// are normed one by one by viewing [tokens, heads * dim] as [tokens * heads, dim]; row r then takes row
// r % weight_rows of weight and bias.
enum class NormKind : uint8_t { kRms, kLayer };
struct NormArgs {
  NormKind kind = NormKind::kRms;
  Mat x;
  Buffer weight;  // float32 [weight_rows, x.cols], or none
  Buffer bias;    // the same shape, or none
  uint32_t weight_rows = 1;
  float eps = 0;
  Mat out;  // may be x
};

// One of the linear layers of an input: out[r, o] = (accumulate ? out[r, o] : 0) + (x[r] . weight[o] +
// bias[o])
//
// Of a part of a layer (weight.shape.is_part()) it gives what the part's sections come to: the nodes of the
// layer's tree of sums (device/sections.h) from left to right, node i in the columns from i * weight.rows on.
// A part has no bias and accumulates nothing; finish_linear() does that with the nodes of all parts.
struct LinearOutput {
  Weight weight;
  Buffer bias;  // float32 [weight.rows], or none
  bool accumulate = false;
  Mat out;  // [rows, nodes * weight.rows]; a whole layer is one node
};

// What a call may have; the most that a layer has are the four of a gated delta rule.
inline constexpr uint32_t kLinearOutputsMax = 4;

// A few outputs, held in place.
class LinearOutputs {
 public:
  LinearOutputs() = default;
  LinearOutputs(std::initializer_list<LinearOutput> outs) {
    for (const LinearOutput& out : outs) add(out);
  }
  void add(const LinearOutput& out) {
    GANTRY_CHECK_LT(count_, kLinearOutputsMax);
    outs_[count_++] = out;
  }
  uint32_t size() const { return count_; }
  const LinearOutput& operator[](uint32_t i) const { return outs_[i]; }
  const LinearOutput* begin() const { return outs_; }
  const LinearOutput* end() const { return outs_ + count_; }

 private:
  LinearOutput outs_[kLinearOutputsMax];
  uint32_t count_ = 0;
};

// Linear layers of one input, together: it is quantized once for each way in which their weights want it. No
// value of an output is one of another, nor of x.
struct LinearArgs {
  Mat x;           // [rows, cols of every weight]
  Buffer scratch;  // linear_scratch_bytes(the weights' shapes, x.rows)
  LinearOutputs outs;
};

// What linear() gives of a layer, from the nodes of all its parts: the bits that a device with the whole
// layer comes to.
struct FinishLinearArgs {
  Mat nodes;              // [rows, ranges.count * out.cols]
  uint32_t sections = 1;  // of the layer
  SectionRanges ranges;   // what each node is the sum of; side by side they are all sections
  Buffer bias;            // float32 [out.cols], or none; of experts one after the other
  uint32_t experts = 0;   // not 0: rows are places of so many experts (device/expert_ops.h)
  Buffer starts;          // int32 [experts + 1], as Assignment has them; none without experts
  bool accumulate = false;
  Mat out;  // [rows, the layer's outputs]; no value of it is one of the nodes
};

// cos and sin of position * frequency[i], times `scale`: table [tokens, 2 * pairs], cosines first.
struct RopeTableArgs {
  Buffer positions;    // int32 [table.rows]
  Buffer frequencies;  // float64 [pairs]: radians per position
  float scale = 1;
  Mat table;
};

// Source: Su et al., "RoFormer", 2021. Pair i of a head is (2i, 2i+1), or (i, i + pairs) in the "neox" order.
enum class RopeOrder : uint8_t { kAdjacent, kNeox };
struct RopeArgs {
  Mat x;  // [tokens, heads * head_dim], in place; of each head the 2 * pairs values from `first` on turn
  uint32_t heads = 0;
  uint32_t head_dim = 0;
  RopeOrder order = RopeOrder::kAdjacent;
  Mat table;
  uint32_t first = 0;
};

// One layer's pages: page p at p * kv_page_bytes(shape).
struct KvPages {
  Buffer buffer;
  KvShape shape;
};

struct KvWriteArgs {
  KvPages pages;
  Rows rows;
  Mat k;  // [rows, kv_heads * key_dim]
  Mat v;  // [rows, kv_heads * value_dim]; none where it is in K
};

// Row r attends to positions 0..positions[r] of its sequence, or, where not causal, to all that its run
// reaches, every one of them written before; with a window only to those less than `window` away. Head h uses
// KV head h / (heads / kv_heads). Of a score q . k: times `scale`; then cap * tanh(score / cap); then minus
// slopes[h] * its distance from the row. A sink is one more score of its head, without a value. Reduced in
// spans of kPageTokens absolute positions, which are joined in order within sections of 32 spans, and
// sections in order (contract E2). Pages that lie wholly below the window are not read.
struct AttentionArgs {
  KvPages pages;
  Rows rows;
  Mat q;  // [rows, heads * key_dim]
  uint32_t heads = 0;
  float scale = 1;      // of the scores
  Mat out;              // [rows, heads * value_dim]
  Buffer scratch;       // attention_scratch_bytes(pages.shape, heads, rows)
  float cap = 0;        // 0: none
  uint32_t window = 0;  // 0: all positions
  Buffer slopes;        // float32 [heads], or none
  Buffer sinks;         // float32 [heads], or none
  bool causal = true;
};

// Hendrycks and Gimpel, "Gaussian error linear units", 2016. kGelu is the form with tanh, kGeluErf the exact
// one, kGeluQuick x * sigmoid(1.702 x); kLimited that of at most 7, and what it gates is kept within [-7, 7]
// and one is added (OpenAI, "gpt-oss-120b & gpt-oss-20b model card", 2025).
enum class Activation : uint8_t { kSilu, kGelu, kGeluErf, kGeluQuick, kRelu, kReluSquared, kLimited };
inline constexpr uint32_t kActivations = 7;

// out = activation(gate) * up, element by element.
struct GluArgs {
  Activation activation = Activation::kSilu;
  Mat gate;
  Mat up;
  Mat out;  // may be gate or up
};

// out = activation(x)
struct ActivateArgs {
  Activation activation = Activation::kGelu;
  Mat x;
  Mat out;  // may be x
};

// out = x + scale * y, rounded once.
struct AddArgs {
  Mat x;
  Mat y;
  Mat out;  // may be x or y
  float scale = 1;
};

// x *= scale; then kept within [-clamp, clamp]; then cap * tanh(x / cap). Zero: no clamp, no cap.
struct ScaleArgs {
  Mat x;
  float scale = 1;
  float clamp = 0;
  float cap = 0;
};

// x[r] *= 1 + scale * log(1 + floor((positions[r] + offset) / floor_positions))
struct TemperArgs {
  Mat x;
  Buffer positions;  // int32 [x.rows]
  float scale = 0;
  uint32_t offset = 0;
  uint32_t floor_positions = 1;  // not 0
};

// out[i] = x[indices[i]]
struct GatherRowsArgs {
  Mat x;
  Buffer indices;  // int32 [out.rows]
  Mat out;
};

}  // namespace gantry::device
