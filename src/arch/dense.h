// What the plain decoder families share: numbers of the trunk, softmax attention over separate q, k, v
// matrices, a gated MLP. A family file says what is its own and calls these.
#pragma once

#include <string>

#include "arch/blueprint.h"
#include "arch/header.h"

namespace gantry::arch {

// Numbers that every decoder family has under the same keys.
struct Trunk {
  uint32_t layers = 0, width = 0, context = 0;
  std::vector<uint32_t> heads, kv_heads, hidden;  // [layers]
  uint32_t key_dim = 0, value_dim = 0;            // per head
  float rms_eps = 0;
  float score_scale = 0;
};
Trunk read_trunk(const Header& header);

// Embedding, output norm, output (or the embedding again), name; no layers.
Blueprint read_shell(Header& header, const Trunk& trunk);

// blk.N.attn_{q,k,v,output} with the biases that the file has.
SoftmaxAttention read_attention(Header& header, const Trunk& trunk, uint32_t layer,
                                std::optional<uint32_t> rope);

// blk.N.ffn_{gate,up,down}
GatedMlp read_gated_mlp(Header& header, const Trunk& trunk, uint32_t layer, device::Activation activation);

// "blk.N.suffix"
std::string layer_tensor(uint32_t layer, std::string_view suffix);

// Pre-norm layers of attention and gated SiLU MLP with one rotation for all: the shape of most families.
Blueprint read_dense(Header& header, device::RopeOrder order);

}  // namespace gantry::arch
