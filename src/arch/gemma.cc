// Gemma (Gemma Team, "Gemma: open models based on Gemini research and technology", 2024), Gemma 2 ("Gemma 2:
// improving open language models at a practical size", 2024) and Gemma 3 ("Gemma 3 technical report", 2025):
// the embedding is scaled by the root of the width, the MLP gated by GELU; since 2 the results of attention
// and MLP are normed too and most layers see a window only; 2 caps scores and logits, 3 norms the heads
// instead.
#include <cmath>

#include "arch/dense.h"
#include "arch/families.h"

namespace gantry::arch {

namespace {

Blueprint read_gemma_dense(Header& header, const Trunk& trunk) {
  Blueprint blueprint = read_dense(header, {.activation = device::Activation::kGelu}, trunk);
  blueprint.embedding_scale = std::sqrt(static_cast<float>(trunk.width));
  return blueprint;
}

// The largest model of a generation scales its scores by the width of a head's share of the stream. Files do
// not say it; the number of layers does.
Trunk read_gemma_trunk(const Header& header, uint32_t layers_of_largest) {
  Trunk trunk = read_trunk(header);
  if (trunk.layers == layers_of_largest && !header.get_float("attention.scale"))
    trunk.score_scale = 1 / std::sqrt(static_cast<float>(trunk.width / trunk.heads[0]));
  return trunk;
}

float read_cap(const Header& header, const char* key, double otherwise) {
  const double cap = header.get_float(key).value_or(otherwise);
  if (!(cap >= 0)) header.refuse(key, "must not be negative");
  return static_cast<float>(cap);
}

}  // namespace

Blueprint read_gemma(Header& header) { return read_gemma_dense(header, read_trunk(header)); }

Blueprint read_gemma2(Header& header) {
  const Trunk trunk = read_gemma_trunk(header, 46);
  Blueprint blueprint = read_gemma_dense(header, trunk);
  read_post_norms(header, trunk, blueprint);
  const Windows windows = read_windows(header, trunk, 4096, 2);
  const float cap = read_cap(header, "attn_logit_softcapping", 50);
  for_each_attention(blueprint, [&](uint32_t layer, LayerSpec&, SoftmaxAttention& attention) {
    attention.score_cap = cap;
    if (windows.windowed[layer]) attention.window = windows.window;
  });
  blueprint.logit_cap = read_cap(header, "final_logit_softcapping", 30);
  return blueprint;
}

Blueprint read_gemma3(Header& header) {
  const Trunk trunk = read_gemma_trunk(header, 62);
  Blueprint blueprint = read_gemma_dense(header, trunk);
  read_post_norms(header, trunk, blueprint);
  read_head_norms(header, trunk, blueprint);
  const Windows windows = read_windows(header, trunk, 0, 6);
  RopeRule near = rope_rule(trunk, device::RopeOrder::kNeox);
  near.base_key = "rope.freq_base_swa";
  near.scaled = false;
  set_windows(blueprint, windows, [&] { return read_rope(header, near); });
  blueprint.logit_cap = read_cap(header, "final_logit_softcapping", 0);
  return blueprint;
}

}  // namespace gantry::arch
