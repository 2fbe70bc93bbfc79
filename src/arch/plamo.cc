// PLaMo (Preferred Networks, "PLaMo-13B", 2023): attention and MLP side by side from one norm.
#include "arch/dense.h"
#include "arch/families.h"

namespace gantry::arch {

Blueprint read_plamo(Header& header) {
  Blueprint blueprint = read_dense(header, {.ffn_norm = false, .own_output = true});
  for (LayerSpec& layer : blueprint.layers) layer.parallel = true;
  return blueprint;
}

}  // namespace gantry::arch
