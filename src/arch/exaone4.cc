// EXAONE 4 (LG AI Research, "EXAONE 4.0: unified large language models integrating non-reasoning and
// reasoning modes", 2025): heads are normed, norms stand after attention and MLP, none before. The 32B model
// has three layers with a window for one without, which does not turn; files do not say that, the number of
// layers does.
#include "arch/dense.h"
#include "arch/families.h"

namespace gantry::arch {

Blueprint read_exaone4(Header& header) {
  constexpr uint32_t kLayersOfTheWindowed = 64;
  const Trunk trunk = read_trunk(header);
  DenseRule rule;
  rule.mixer_norm = rule.ffn_norm = false;
  Blueprint blueprint = read_dense(header, rule, trunk);
  read_post_norms(header, trunk, blueprint);
  read_head_norms(header, trunk, blueprint);
  if (trunk.layers != kLayersOfTheWindowed && !header.is_array("attention.sliding_window_pattern"))
    return blueprint;
  const Windows windows = read_windows(header, trunk, 4096, 4);
  for_each_attention(blueprint, [&](uint32_t layer, LayerSpec&, SoftmaxAttention& attention) {
    attention.window = windows.windowed[layer] ? windows.window : 0;
    if (windows.window != 0 && !windows.windowed[layer]) attention.rope.reset();
  });
  return blueprint;
}

}  // namespace gantry::arch
