// The operands of the operations of recurrent layers: what one position leaves for the next is a state of
// fixed size. The rows of a run are worked on in order, each by the same arithmetic, so a prefill may be cut
// anywhere (contract E1). Activations and states are float32. States lie alike on every device, so that
// they can be moved between them (contract S1).
#pragma once

#include <cstdint>

#include "device/buffer.h"
#include "device/ops.h"
#include "device/rows.h"

namespace gantry::device {

// One layer's part of all states: that of state s begins at byte s * stride + offset.
struct StatePart {
  Buffer buffer;
  uint64_t stride = 0;
  uint64_t offset = 0;
};

inline constexpr uint32_t kConvTapsMax = 32;

// Each channel is convolved with its own taps over its last inputs: out[r] = f(sum over j of weight[c][j] *
// x[r - (taps - 1) + j] + bias), f: SiLU or nothing. State: the last taps - 1 inputs, [taps - 1, channels],
// oldest first; zeros before the first position.
struct ShortConvArgs {
  Rows rows;
  StatePart state;
  Mat x;              // [rows, channels]
  Buffer weight;      // float32 [channels, taps]
  Buffer bias;        // float32 [channels], or none
  uint32_t taps = 0;  // 1 to kConvTapsMax
  bool silu = false;
  Mat out;  // [rows, channels]; may be x
};

// Source: Dao and Gu, "Transformers are SSMs", 2024 (Mamba-2). Of each head, with t = softplus(dt + dt_bias):
// state = exp(t * a) * state + (t * x) b^T; out = state c + d * x. Head h reads b and c of group h / (heads /
// groups). State: [heads, head_dim, state_dim].
struct SelectiveScanArgs {
  Rows rows;
  StatePart state;
  uint32_t heads = 0, head_dim = 0, groups = 0, state_dim = 0;
  Mat x;           // [rows, heads * head_dim]
  Mat b, c;        // [rows, groups * state_dim]
  Mat dt;          // [rows, heads]
  Buffer a, d;     // float32 [heads]
  Buffer dt_bias;  // float32 [heads]
  Mat out;         // [rows, heads * head_dim]; may be x
};

inline constexpr uint32_t kDeltaKeyDimMax = 256;

// Source: Yang, Kautz and Hatamizadeh, "Gated delta networks", 2024. Of each value head, with g = exp(a *
// softplus(alpha + dt_bias)) and w = sigmoid(beta): state = g * state; state += w * k (v - state^T k)^T; out
// = state^T q. Value head h reads q and k of key head h % key_heads. State: [value_heads, key_dim,
// value_dim].
struct GatedDeltaArgs {
  Rows rows;
  StatePart state;
  uint32_t key_heads = 0, value_heads = 0;
  uint32_t key_dim = 0, value_dim = 0;  // key_dim at most kDeltaKeyDimMax
  Mat q, k;                             // [rows, key_heads * key_dim]
  Mat v;                                // [rows, value_heads * value_dim]
  Mat alpha, beta;                      // [rows, value_heads]
  Buffer a;                             // float32 [value_heads]
  Buffer dt_bias;                       // float32 [value_heads]
  Mat out;                              // [rows, value_heads * value_dim]; may be v
};

// Of each head: out[r] = x[r] * scale / max(|x[r]|, eps).
struct L2NormArgs {
  Mat x;  // [rows, heads * dim]
  uint32_t heads = 1;
  float eps = 0;
  float scale = 1;
  Mat out;  // may be x
};

// out = x * f(gate), element by element.
enum class GateKind : uint8_t { kPlain, kSigmoid };
struct GateArgs {
  GateKind kind = GateKind::kPlain;
  Mat x;
  Mat gate;
  Mat out;  // may be x or gate
};

}  // namespace gantry::device
