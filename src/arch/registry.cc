#include <algorithm>
#include <array>
#include <variant>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "arch/blueprint.h"
#include "arch/families.h"
#include "base/error.h"
#include "base/log.h"

namespace gantry::arch {
namespace {

struct Family {
  std::string_view arch;  // general.architecture
  Blueprint (*read)(Header&);
};

constexpr std::array kFamilies = {
    Family{"arcee", read_arcee},
    Family{"baichuan", read_baichuan},
    Family{"bailingmoe", read_bailingmoe},
    Family{"bailingmoe2", read_bailingmoe2},
    Family{"bloom", read_bloom},
    Family{"chatglm", read_chatglm},
    Family{"codeshell", read_starcoder2},
    Family{"cohere2", read_cohere2},
    Family{"command-r", read_command_r},
    Family{"deepseek", read_deepseek},
    Family{"deepseek2", read_deepseek2},
    Family{"dots1", read_dots1},
    Family{"ernie4_5", read_ernie4_5},
    Family{"ernie4_5-moe", read_ernie4_5_moe},
    Family{"exaone", read_exaone},
    Family{"exaone4", read_exaone4},
    Family{"falcon", read_falcon},
    Family{"gemma", read_gemma},
    Family{"gemma2", read_gemma2},
    Family{"gemma3", read_gemma3},
    Family{"glm4", read_glm4},
    Family{"glm4moe", read_glm4moe},
    Family{"gpt-oss", read_gpt_oss},
    Family{"gpt2", read_gpt2},
    Family{"gptneox", read_gptneox},
    Family{"granite", read_granite},
    Family{"granitemoe", read_granite},
    Family{"hunyuan-dense", read_hunyuan_dense},
    Family{"hunyuan-moe", read_hunyuan_moe},
    Family{"internlm2", read_internlm2},
    Family{"lfm2", read_lfm2},
    Family{"lfm2moe", read_lfm2moe},
    Family{"llama", read_llama},
    Family{"mamba2", read_mamba2},
    Family{"minicpm", read_minicpm},
    Family{"minimax-m2", read_minimax_m2},
    Family{"mistral3", read_mistral3},
    Family{"mpt", read_mpt},
    Family{"nemotron", read_nemotron},
    Family{"olmo", read_olmo},
    Family{"olmo2", read_olmo2},
    Family{"olmoe", read_olmoe},
    Family{"orion", read_orion},
    Family{"phi2", read_phi2},
    Family{"phi3", read_phi3},
    Family{"plamo", read_plamo},
    Family{"qwen", read_qwen},
    Family{"qwen2", read_qwen2},
    Family{"qwen2moe", read_qwen2moe},
    Family{"qwen3", read_qwen3},
    Family{"qwen35", read_qwen35},
    Family{"qwen3moe", read_qwen3moe},
    Family{"refact", read_refact},
    Family{"seed_oss", read_seed_oss},
    Family{"smollm3", read_smollm3},
    Family{"stablelm", read_stablelm},
    Family{"starcoder", read_gpt2},
    Family{"starcoder2", read_starcoder2},
    Family{"xverse", read_xverse},
};

// Files that go along with models and are easily named in a model's place.
struct Companion {
  std::string_view key, value;  // what says so in the metadata
  const char* what;
  const char* mend;
};
constexpr Companion kCompanions[] = {
    {"general.type", "adapter", "this is an adapter (LoRA), not a model",
     "name the model it belongs to; adapters cannot be applied yet"},
    {"general.type", "mmproj", "this is the projector of a model that sees or hears, not the model",
     "name the model it belongs to; pictures and sound cannot be read yet"},
    {"general.type", "imatrix", "this is an importance matrix, not a model", "name a model"},
    {"general.type", "vocab", "the file calls itself a vocabulary", "name a file that is a model"},
    {"general.architecture", "clip", "this is the projector of a model that sees or hears, not the model",
     "name the model it belongs to; pictures and sound cannot be read yet"},
    {"general.architecture", "controlvector", "this is a control vector, not a model",
     "name the model it belongs to; control vectors cannot be applied yet"},
};

void refuse_companions(const gguf::GgufFile& file) {
  for (const Companion& companion : kCompanions) {
    const gguf::Value* value = file.metadata().find(companion.key);
    if (value == nullptr || value->type != gguf::ValueType::kString || value->string != companion.value)
      continue;
    throw Error(ErrorCode::kUnsupported, companion.what, fmt::format("{}: {}", file.path(), companion.key),
                companion.mend);
  }
}

// The values of a mixer's result that stay together when its heads are shared out: sections of the output's
// sum begin between them (device/sections.h).
struct UnitOf {
  // The query heads of one KV head; with a single one, which every rank then has, each query head.
  uint32_t operator()(const SoftmaxAttention& a) const {
    return (a.kv_heads > 1 ? a.heads / a.kv_heads : 1) * a.value_dim;
  }
  uint32_t operator()(const LatentAttention& a) const { return a.value_dim; }  // the latent is every rank's
  uint32_t operator()(const Mamba2& m) const {  // what is normed together stays together
    return m.norm && m.groups > 1 ? m.norm->size : m.head_dim;
  }
  uint32_t operator()(const GatedDelta& d) const { return d.value_dim; }
  uint32_t operator()(const ShortConv&) const { return device::kSectionUnit; }
};

void set_units(Blueprint& blueprint) {
  for (LayerSpec& layer : blueprint.layers)
    std::visit([](auto& mixer) { mixer.out.weight.shape.unit = std::max(1u, UnitOf{}(mixer)); }, layer.mixer);
}

}  // namespace

std::vector<std::string_view> known_archs() {
  std::vector<std::string_view> names;
  for (const Family& family : kFamilies) names.push_back(family.arch);
  return names;
}

Blueprint read_blueprint(const gguf::GgufFile& file) {
  refuse_companions(file);
  Header header(file);
  for (const Family& family : kFamilies) {
    if (family.arch != header.arch()) continue;
    Blueprint blueprint = family.read(header);
    if (blueprint.name.empty()) blueprint.name = file.path();
    set_units(blueprint);
    blueprint.unused_tensors = header.unused();
    return blueprint;
  }
  throw Error(ErrorCode::kUnsupported, fmt::format("the architecture '{}' is not supported", header.arch()),
              file.path() + ": general.architecture",
              fmt::format("supported: {}", fmt::join(known_archs(), ", ")));
}

}  // namespace gantry::arch
