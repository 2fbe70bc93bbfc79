// Named quantizations ("Q4_K_M"): which type each tensor of a model gets. A recipe is a base type and rules
// that give some tensors of some layers another; the same rules that the GGUF files in circulation under
// these names were made by, so that a name means here what it means there. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/gguf.h"
#include "quant/dtype.h"

namespace gantry::library {

struct Recipe {
  const char* name;       // "Q4_K_M"
  uint32_t file_type;     // GGUF's general.file_type
  quant::Dtype base;      // of every tensor that no rule names
  quant::Dtype output;    // of the output matrix, or of the embedding where the two are one
  const char* in_a_word;  // for people
};

std::span<const Recipe> recipe_table();
// By name, either case; "Q4_K" means Q4_K_M, and so on. nullptr when there is none.
const Recipe* find_recipe(std::string_view name);
std::string recipe_names();  // "F32, F16, ..." for messages

// What a tensor is, by its name.
enum class Role : uint8_t {
  kKept,  // norms, biases, routers, small convolutions: stays in the type it has
  kOutput,
  kEmbedding,
  kAttnV,
  kAttnK,
  kAttnQkv,
  kAttnOutput,
  kFfnDown,
  kMatrix,  // any other
};
Role role_of(std::string_view name, std::span<const uint64_t> shape);

// Knows the model's numbers that the rules ask for. The file must outlive it.
class TypeChooser {
 public:
  TypeChooser(const gguf::GgufFile& file, const Recipe& recipe);
  // The type by the recipe; nullopt: the tensor stays as it is. Whether its rows are whole blocks of the type
  // is not looked at.
  std::optional<quant::Dtype> choose(const gguf::TensorInfo& tensor) const;

 private:
  // Which of the layers that have a tensor of this role it is in: rank of count.
  struct Place {
    size_t rank, count;
  };
  Place place_of(Role role, std::string_view name) const;
  bool holds(uint8_t where, Role role, const gguf::TensorInfo& tensor) const;

  const Recipe& recipe_;
  bool tied_ = true;
  uint64_t experts_ = 0;
  uint64_t heads_per_kv_ = 1;
  uint64_t blocks_ = 0;
  std::vector<uint64_t> attn_v_layers_, ffn_down_layers_;  // sorted
};

// The type that takes over where a row is not whole blocks of `dtype`: of smaller blocks and no fewer bits.
// F16 in the end; nullopt for a type without blocks.
std::optional<quant::Dtype> smaller_block(quant::Dtype dtype);
// The type that rows of so many values fit into, beginning with the one wanted.
quant::Dtype fitting_type(quant::Dtype wanted, uint64_t row_values);

}  // namespace gantry::library
