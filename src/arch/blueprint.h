// A model as one declaration, read from a GGUF header: numbers and tensors, nothing loaded. Each family is
// one file here that fills a Blueprint; planner, loader and forward pass know only Blueprints. Immutable;
// points into the GgufFile.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "arch/layer_spec.h"
#include "gguf/gguf.h"

namespace gantry::arch {

// Whose part of a model this is: what is dealt is dealt in these proportions ({1, 1}, {5, 3}).
struct Ranks {
  uint32_t rank = 0;
  std::vector<uint32_t> shares = {1};
  uint32_t count() const { return static_cast<uint32_t>(shares.size()); }
};

struct Blueprint {
  std::string arch;  // general.architecture
  std::string name;  // general.name, or the file's
  uint32_t vocab = 0;
  uint32_t width = 0;          // values of one position between layers
  uint32_t context_train = 0;  // positions the model was trained for
  std::optional<Matrix>
      embedding;  // [vocab, width]; none: a part of a model that takes rows of `width` values
  float embedding_scale = 1;
  std::optional<Matrix> position_embedding;  // [context_train, width], added to the embedding
  std::optional<Norm> embedding_norm;
  std::vector<Rope> ropes;
  std::vector<std::vector<float>> slopes;  // [heads] each; Press, Smith and Lewis, "ALiBi", 2022
  std::vector<LayerSpec> layers;
  std::optional<Norm> output_norm;
  // [vocab, width], the embedding's tensor when tied; none: a part of a model that gives rows of `width`
  // values. Dealt: some rows of the vocabulary only (part.h).
  std::optional<Linear> output;
  bool output_dealt = false;
  Ranks ranks = {};  // a shard's; else one
  float logit_scale = 1;
  float logit_cap = 0;                      // logits become cap * tanh(logit / cap); 0: no
  std::vector<std::string> unused_tensors;  // in the file, not in the model

  bool takes_tokens() const { return embedding.has_value(); }
  bool gives_logits() const { return output.has_value(); }
  uint32_t logits() const { return output ? vocab : 0; }  // of one position, of all ranks together
  // The output is the embedding, all of it.
  bool tied() const {
    return embedding && output && output->weight.tensor == embedding->tensor &&
           output->weight.shape.rows == embedding->shape.rows;
  }
};

// Error kUnsupported naming an arch, a dtype or a setting Gantry does not have; kBadFile naming a missing or
// misshapen tensor or key, with found and wanted shape.
Blueprint read_blueprint(const gguf::GgufFile& file);

// The families this build knows, for messages and help.
std::vector<std::string_view> known_archs();

// Every weight once, in the one order that planner and loader share. A tied output is visited as the
// embedding only.
struct WeightVisitor {
  std::function<void(const Matrix&)> matrix;
  std::function<void(const Vector&)> vector;
  std::function<void(const MatrixStack&)> stack;
};
void visit_weights(const Blueprint& blueprint, const WeightVisitor& visitor);

// Numbers in the weights, each once: what a model's size is told as.
uint64_t parameters(const Blueprint& blueprint);

}  // namespace gantry::arch
