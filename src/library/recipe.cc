#include "library/recipe.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/check.h"
#include "base/error.h"

namespace gantry::library {
namespace {

using quant::Dtype;

constexpr std::array kRecipes = {
    Recipe{"F32", 0, Dtype::kF32, Dtype::kF32, "every weight exact"},
    Recipe{"F16", 1, Dtype::kF16, Dtype::kF16, "16 bits"},
    Recipe{"BF16", 32, Dtype::kBF16, Dtype::kBF16, "16 bits, the range of F32"},
    Recipe{"Q8_0", 7, Dtype::kQ8_0, Dtype::kQ8_0, "8.5 bits, all but exact"},
    Recipe{"Q6_K", 18, Dtype::kQ6_K, Dtype::kQ6_K, "6.6 bits"},
    Recipe{"Q5_K_M", 17, Dtype::kQ5_K, Dtype::kQ6_K, "5.7 bits, half of attn_v and ffn_down in Q6_K"},
    Recipe{"Q5_K_S", 16, Dtype::kQ5_K, Dtype::kQ6_K, "5.5 bits"},
    Recipe{"Q5_1", 9, Dtype::kQ5_1, Dtype::kQ6_K, "6 bits"},
    Recipe{"Q5_0", 8, Dtype::kQ5_0, Dtype::kQ6_K, "5.5 bits"},
    Recipe{"Q4_K_M", 15, Dtype::kQ4_K, Dtype::kQ6_K, "4.8 bits, half of attn_v and ffn_down in Q6_K"},
    Recipe{"Q4_K_S", 14, Dtype::kQ4_K, Dtype::kQ6_K, "4.6 bits"},
    Recipe{"Q4_1", 3, Dtype::kQ4_1, Dtype::kQ6_K, "5 bits"},
    Recipe{"Q4_0", 2, Dtype::kQ4_0, Dtype::kQ6_K, "4.5 bits"},
    Recipe{"IQ4_NL", 25, Dtype::kIQ4_NL, Dtype::kQ6_K, "4.5 bits on uneven levels"},
    Recipe{"IQ4_XS", 30, Dtype::kIQ4_XS, Dtype::kQ6_K, "4.3 bits on uneven levels"},
    Recipe{"Q3_K_L", 13, Dtype::kQ3_K, Dtype::kQ6_K, "4.2 bits, attention and ffn_down in Q5_K"},
    Recipe{"Q3_K_M", 12, Dtype::kQ3_K, Dtype::kQ6_K, "3.9 bits, attention and ffn_down in Q4_K"},
    Recipe{"Q3_K_S", 11, Dtype::kQ3_K, Dtype::kQ6_K, "3.5 bits"},
    Recipe{"Q2_K", 10, Dtype::kQ2_K, Dtype::kQ6_K, "3 bits, attention and ffn_down in Q3_K"},
    Recipe{"Q2_K_S", 21, Dtype::kQ2_K, Dtype::kQ6_K, "2.7 bits"},
    Recipe{"MXFP4_MOE", 38, Dtype::kQ8_0, Dtype::kQ8_0, "experts in MXFP4, the rest in Q8_0"},
    Recipe{"NVFP4", 39, Dtype::kNVFP4, Dtype::kQ6_K, "4.5 bits of FP4"},
    Recipe{"TQ2_0", 37, Dtype::kTQ2_0, Dtype::kQ6_K, "2.1 bits, for models trained to -1, 0, 1"},
    Recipe{"TQ1_0", 36, Dtype::kTQ1_0, Dtype::kQ6_K, "1.7 bits, for models trained to -1, 0, 1"},
    Recipe{"Q2_0", 41, Dtype::kQ2_0, Dtype::kQ6_K, "2.3 bits, for models trained to them"},
    Recipe{"Q1_0", 40, Dtype::kQ1_0, Dtype::kQ6_K, "1.1 bits, for models trained to -1, 1"},
};

struct Alias {
  std::string_view name, means;
};
constexpr Alias kAliases[] = {
    {"Q5_K", "Q5_K_M"}, {"Q4_K", "Q4_K_M"}, {"Q3_K", "Q3_K_M"}, {"MXFP4", "MXFP4_MOE"}};

// Where a rule holds. Layers are counted among those that have the tensor in question.
enum Where : uint8_t {
  kAll,
  kFirstTwo,
  kFirstFour,
  kFirstSixteenth,
  kFirstEighth,
  kMoreBits,      // the first and the last eighth, and every third between
  kSharedHeads,   // four or more heads share one of attn_k and attn_v
  kEightExperts,  // exactly eight
  kExperts,       // tensors that hold one matrix for each expert
};

struct Rule {
  std::string_view recipes;  // space-separated; the first rule that fits is the one
  Role role;
  Where where;
  Dtype dtype;
};

constexpr Rule kRules[] = {
    {"MXFP4_MOE", Role::kMatrix, kExperts, Dtype::kMXFP4},
    {"MXFP4_MOE", Role::kFfnDown, kExperts, Dtype::kMXFP4},
    {"TQ1_0 TQ2_0", Role::kEmbedding, kAll, Dtype::kQ4_K},

    {"Q2_K Q2_K_S", Role::kAttnV, kSharedHeads, Dtype::kQ4_K},
    {"Q2_K", Role::kAttnV, kAll, Dtype::kQ3_K},
    {"Q3_K_M", Role::kAttnV, kFirstTwo, Dtype::kQ5_K},
    {"Q3_K_M", Role::kAttnV, kAll, Dtype::kQ4_K},
    {"Q3_K_L", Role::kAttnV, kAll, Dtype::kQ5_K},
    {"Q4_K_S", Role::kAttnV, kFirstFour, Dtype::kQ5_K},
    {"Q4_K_M Q5_K_M", Role::kAttnV, kMoreBits, Dtype::kQ6_K},
    {"IQ4_NL IQ4_XS", Role::kAttnV, kSharedHeads, Dtype::kQ5_K},

    {"Q2_K", Role::kFfnDown, kAll, Dtype::kQ3_K},
    {"Q2_K_S", Role::kFfnDown, kFirstEighth, Dtype::kQ4_K},
    {"Q3_K_M", Role::kFfnDown, kFirstSixteenth, Dtype::kQ5_K},
    {"Q3_K_M", Role::kFfnDown, kAll, Dtype::kQ4_K},
    {"Q3_K_L", Role::kFfnDown, kAll, Dtype::kQ5_K},
    {"Q4_K_S IQ4_NL IQ4_XS", Role::kFfnDown, kFirstEighth, Dtype::kQ5_K},
    {"Q4_K_M Q5_K_M", Role::kFfnDown, kMoreBits, Dtype::kQ6_K},

    {"Q2_K Q3_K_S Q3_K_M Q4_K_S Q4_K_M IQ4_NL IQ4_XS", Role::kAttnOutput, kEightExperts, Dtype::kQ5_K},
    {"Q2_K", Role::kAttnOutput, kAll, Dtype::kQ3_K},
    {"Q3_K_M", Role::kAttnOutput, kAll, Dtype::kQ4_K},
    {"Q3_K_L", Role::kAttnOutput, kAll, Dtype::kQ5_K},

    {"Q3_K_M Q3_K_L", Role::kAttnQkv, kAll, Dtype::kQ4_K},
    {"Q4_K_M", Role::kAttnQkv, kAll, Dtype::kQ5_K},
    {"Q5_K_M", Role::kAttnQkv, kAll, Dtype::kQ6_K},
};

// Beside norms and biases: what is small and sensitive, or is read by code that takes no blocks.
constexpr std::string_view kKeptNames[] = {
    "_norm.weight",
    "ffn_gate_inp",
    "position_embd",
    "token_types",
    "ssm_conv1d",
    "shortconv.conv",
    "attn_rel_b",
    "altup",
    "laurel",
    "per_layer_model_proj",
    "time_mix_first",
    "time_mix_w0",
    "time_mix_w1",
    "time_mix_w2",
    "time_mix_v0",
    "time_mix_v1",
    "time_mix_v2",
    "time_mix_a0",
    "time_mix_a1",
    "time_mix_a2",
    "time_mix_g1",
    "time_mix_g2",
    "time_mix_decay_w1",
    "time_mix_decay_w2",
    "time_mix_lerp_fused",
};

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return upper(x) == upper(y); });
}

bool has_word(std::string_view words, std::string_view word) {
  for (size_t at = 0; at < words.size();) {
    const size_t end = std::min(words.find(' ', at), words.size());
    if (words.substr(at, end - at) == word) return true;
    at = end + 1;
  }
  return false;
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

// The number in "blk.12."; 0 without one.
uint64_t layer_of(std::string_view name) {
  constexpr std::string_view kPrefix = "blk.";
  const size_t at = name.find(kPrefix);
  uint64_t layer = 0;
  if (at != name.npos) std::from_chars(name.data() + at + kPrefix.size(), name.data() + name.size(), layer);
  return layer;
}

// The key's number, or the largest of its numbers where it holds one for each layer. 0 when absent.
uint64_t largest_of(const gguf::Metadata& metadata, const std::string& key) {
  const gguf::Value* value = metadata.find(key);
  if (value == nullptr) return 0;
  if (value->type != gguf::ValueType::kArray) return metadata.need_uint(key);
  const gguf::Array& array = value->array;
  int64_t out = 0;
  if (array.element == gguf::ValueType::kI32 || array.element == gguf::ValueType::kU32)
    for (uint64_t i = 0; i < array.count; ++i) out = std::max(out, array.as_int(i));
  return static_cast<uint64_t>(out);
}

void sort_unique(std::vector<uint64_t>& layers) {
  std::sort(layers.begin(), layers.end());
  layers.erase(std::unique(layers.begin(), layers.end()), layers.end());
}

}  // namespace

std::span<const Recipe> recipe_table() { return kRecipes; }

const Recipe* find_recipe(std::string_view name) {
  for (const Alias& alias : kAliases)
    if (same_name(alias.name, name)) name = alias.means;
  for (const Recipe& recipe : kRecipes)
    if (same_name(recipe.name, name)) return &recipe;
  return nullptr;
}

std::string recipe_names() {
  std::string out;
  for (const Recipe& recipe : kRecipes) out += (out.empty() ? "" : ", ") + std::string(recipe.name);
  return out;
}

Role role_of(std::string_view name, std::span<const uint64_t> shape) {
  size_t dims = shape.size();
  while (dims > 1 && shape[dims - 1] == 1) --dims;
  if (dims < 2 || !name.ends_with(".weight")) return Role::kKept;
  for (const std::string_view kept : kKeptNames)
    if (contains(name, kept)) return Role::kKept;
  if (name == "output.weight") return Role::kOutput;
  if (name == "token_embd.weight" || name == "per_layer_token_embd.weight") return Role::kEmbedding;
  if (contains(name, "attn_v.weight")) return Role::kAttnV;
  if (contains(name, "attn_k.weight")) return Role::kAttnK;
  if (contains(name, "attn_qkv.weight")) return Role::kAttnQkv;
  if (contains(name, "attn_output.weight")) return Role::kAttnOutput;
  if (contains(name, "ffn_down")) return Role::kFfnDown;
  return Role::kMatrix;
}

TypeChooser::TypeChooser(const gguf::GgufFile& file, const Recipe& recipe) : recipe_(recipe) {
  const gguf::Metadata& metadata = file.metadata();
  if (const auto arch = metadata.get_string("general.architecture")) {
    const std::string prefix = std::string(*arch) + ".";
    experts_ = largest_of(metadata, prefix + "expert_count");
    blocks_ = largest_of(metadata, prefix + "block_count");
    const uint64_t heads = largest_of(metadata, prefix + "attention.head_count");
    const uint64_t kv_heads = largest_of(metadata, prefix + "attention.head_count_kv");
    if (kv_heads > 0) heads_per_kv_ = std::max<uint64_t>(heads / kv_heads, 1);
  }
  for (const gguf::TensorInfo& tensor : file.tensors()) {
    const Role role = role_of(tensor.name, tensor.shape);
    if (role == Role::kOutput) tied_ = false;
    if (role == Role::kAttnV) attn_v_layers_.push_back(layer_of(tensor.name));
    if (role == Role::kFfnDown) ffn_down_layers_.push_back(layer_of(tensor.name));
  }
  sort_unique(attn_v_layers_);
  sort_unique(ffn_down_layers_);
}

TypeChooser::Place TypeChooser::place_of(Role role, std::string_view name) const {
  const std::vector<uint64_t>& layers = role == Role::kAttnV ? attn_v_layers_ : ffn_down_layers_;
  const auto at = std::lower_bound(layers.begin(), layers.end(), layer_of(name));
  return {static_cast<size_t>(at - layers.begin()), layers.size()};
}

bool TypeChooser::holds(uint8_t where, Role role, const gguf::TensorInfo& tensor) const {
  const Place place = place_of(role, tensor.name);
  const size_t eighth = place.count / 8;
  switch (static_cast<Where>(where)) {
    case kAll:
      return true;
    case kFirstTwo:
      return place.rank < 2;
    case kFirstFour:
      return place.rank < 4;
    case kFirstSixteenth:
      return place.rank < place.count / 16;
    case kFirstEighth:
      return place.rank < eighth;
    case kMoreBits:
      return place.rank < eighth || place.rank >= 7 * place.count / 8 || (place.rank - eighth) % 3 == 2;
    case kSharedHeads:
      return heads_per_kv_ >= 4;
    case kEightExperts:
      return experts_ == 8;
    case kExperts:
      return tensor.shape.size() > 2 && tensor.shape[2] > 1;
  }
  return false;
}

std::optional<Dtype> TypeChooser::choose(const gguf::TensorInfo& tensor) const {
  Role role = role_of(tensor.name, tensor.shape);
  if (role == Role::kKept) return std::nullopt;
  if (quant::facts(recipe_.base).block_values == 1) return recipe_.base;
  if (tied_ && tensor.name == "token_embd.weight") role = Role::kOutput;
  if (role == Role::kOutput) return recipe_.output;
  // With eight experts these two are so small beside the rest that they may as well be exact.
  if ((role == Role::kAttnV || role == Role::kAttnK) && experts_ == 8) return Dtype::kQ8_0;
  Dtype dtype = recipe_.base;
  for (const Rule& rule : kRules) {
    if (rule.role != role || !has_word(rule.recipes, recipe_.name) || !holds(rule.where, role, tensor))
      continue;
    dtype = rule.dtype;
    break;
  }
  // Eight heads on one attn_v in eighty layers (the 70B shape): an eighth of the size, so a bit more of it.
  if (role == Role::kAttnV && blocks_ == 80 && heads_per_kv_ == 8 &&
      (dtype == Dtype::kQ3_K || dtype == Dtype::kQ4_K))
    dtype = Dtype::kQ5_K;
  return dtype;
}

std::optional<Dtype> smaller_block(Dtype dtype) {
  switch (dtype) {
    case Dtype::kQ2_K:
    case Dtype::kQ3_K:
    case Dtype::kTQ1_0:
    case Dtype::kTQ2_0:
    case Dtype::kNVFP4:
    case Dtype::kQ1_0:
    case Dtype::kQ2_0:
      return Dtype::kQ4_0;
    case Dtype::kIQ4_XS:
      return Dtype::kIQ4_NL;
    case Dtype::kQ4_K:
      return Dtype::kQ5_0;
    case Dtype::kQ5_K:
      return Dtype::kQ5_1;
    case Dtype::kQ6_K:
      return Dtype::kQ8_0;
    case Dtype::kQ4_0:
    case Dtype::kQ4_1:
    case Dtype::kQ5_0:
    case Dtype::kQ5_1:
    case Dtype::kQ8_0:
    case Dtype::kIQ4_NL:
    case Dtype::kMXFP4:
      return Dtype::kF16;
    case Dtype::kF32:
    case Dtype::kF16:
    case Dtype::kBF16:
    case Dtype::kI8:
    case Dtype::kI16:
    case Dtype::kI32:
    case Dtype::kI64:
    case Dtype::kF64:
      return std::nullopt;
  }
  return std::nullopt;
}

Dtype fitting_type(Dtype wanted, uint64_t row_values) {
  Dtype dtype = wanted;
  while (row_values % quant::facts(dtype).block_values != 0) {
    const auto next = smaller_block(dtype);
    GANTRY_CHECK(next.has_value());  // a type without blocks fits every row
    dtype = *next;
  }
  return dtype;
}

}  // namespace gantry::library
