// Which tensor gets which type: recipes against the files of the reference, overrides, fallbacks.
#include <algorithm>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "base/error.h"
#include "library/quantize.h"
#include "library/testing.h"
#include "tests/shared_data.h"

namespace gantry::library {
namespace {

using quant::Dtype;

constexpr const char* kModels = "conformance/logits/quantized";

// name -> type after
std::map<std::string, std::string> planned(const Outline& o, const std::string& recipe,
                                           std::vector<TypeOverride> overrides = {}) {
  const std::vector<std::byte> bytes = model(o);
  const auto file = gguf::GgufFile::parse(bytes, "model.gguf");
  QuantizeOptions options;
  options.recipe = recipe;
  options.overrides = std::move(overrides);
  std::map<std::string, std::string> out;
  for (const TensorChange& change : plan_quantize(*file, options).tensors)
    out[change.name] = quant::facts(change.to).name;
  return out;
}

TEST(Recipes, NamesAndFileTypesAreUnique) {
  std::set<std::string> names;
  std::set<uint32_t> types;
  for (const Recipe& recipe : recipe_table()) {
    EXPECT_TRUE(names.insert(recipe.name).second);
    EXPECT_TRUE(types.insert(recipe.file_type).second) << recipe.name;
    EXPECT_EQ(find_recipe(recipe.name), &recipe);
    EXPECT_TRUE(quant::can_encode(recipe.base));
  }
  EXPECT_STREQ(find_recipe("q4_k")->name, "Q4_K_M");
  EXPECT_EQ(find_recipe("Q4_K_XXL"), nullptr);
  EXPECT_EQ(find_recipe(""), nullptr);
}

TEST(Recipes, Roles) {
  const std::vector<uint64_t> two = {8, 8}, one = {8}, flat = {8, 1, 1};
  EXPECT_EQ(role_of("output.weight", two), Role::kOutput);
  EXPECT_EQ(role_of("token_embd.weight", two), Role::kEmbedding);
  EXPECT_EQ(role_of("blk.3.attn_v.weight", two), Role::kAttnV);
  EXPECT_EQ(role_of("blk.3.attn_v.bias", two), Role::kKept);
  EXPECT_EQ(role_of("blk.3.ffn_down_exps.weight", two), Role::kFfnDown);
  EXPECT_EQ(role_of("blk.3.ffn_gate_inp.weight", two), Role::kKept);
  EXPECT_EQ(role_of("blk.3.attn_norm.weight", two), Role::kKept);
  EXPECT_EQ(role_of("blk.3.ffn_up.weight", one), Role::kKept);
  EXPECT_EQ(role_of("blk.3.ffn_up.weight", flat), Role::kKept);
  EXPECT_EQ(role_of("blk.3.ssm_in.weight", two), Role::kMatrix);
}

TEST(Recipes, BitsGoToTheLayersThatFilesInCirculationGiveThemTo) {
  Outline o;
  o.layers = 32;
  const auto types = planned(o, "Q4_K_M");
  const std::set<uint32_t> more = {0, 1, 2, 3, 6, 9, 12, 15, 18, 21, 24, 27, 28, 29, 30, 31};
  for (uint32_t layer = 0; layer < 32; ++layer) {
    const std::string blk = "blk." + std::to_string(layer) + ".";
    const char* want = more.contains(layer) ? "Q6_K" : "Q4_K";
    EXPECT_EQ(types.at(blk + "attn_v.weight"), want) << layer;
    EXPECT_EQ(types.at(blk + "ffn_down.weight"), want) << layer;
    EXPECT_EQ(types.at(blk + "attn_q.weight"), "Q4_K");
    EXPECT_EQ(types.at(blk + "attn_norm.weight"), "F32");
  }
  EXPECT_EQ(types.at("token_embd.weight"), "Q4_K");
  EXPECT_EQ(types.at("output.weight"), "Q6_K");

  const auto small = planned(o, "Q4_K_S");
  for (uint32_t layer = 0; layer < 32; ++layer) {
    EXPECT_EQ(small.at("blk." + std::to_string(layer) + ".ffn_down.weight"), layer < 4 ? "Q5_K" : "Q4_K");
    EXPECT_EQ(small.at("blk." + std::to_string(layer) + ".attn_v.weight"), layer < 4 ? "Q5_K" : "Q4_K");
  }
  const auto third = planned(o, "Q3_K_M");
  EXPECT_EQ(third.at("blk.1.ffn_down.weight"), "Q5_K");
  EXPECT_EQ(third.at("blk.2.ffn_down.weight"), "Q4_K");
  EXPECT_EQ(third.at("blk.1.attn_v.weight"), "Q5_K");
  EXPECT_EQ(third.at("blk.2.attn_v.weight"), "Q4_K");
}

TEST(Recipes, ModelsOfOtherShapes) {
  Outline tied;
  tied.output = false;
  EXPECT_EQ(planned(tied, "Q4_K_M").at("token_embd.weight"), "Q6_K");
  EXPECT_EQ(planned(tied, "MXFP4_MOE").at("token_embd.weight"), "Q8_0");
  Outline shared;
  shared.kv_heads = 1;
  EXPECT_EQ(planned(shared, "IQ4_XS").at("blk.1.attn_v.weight"), "Q5_K");
  EXPECT_EQ(planned(shared, "Q2_K").at("blk.1.attn_v.weight"), "Q4_K");
  EXPECT_EQ(planned({}, "IQ4_XS").at("blk.1.attn_v.weight"), "IQ4_XS");
  Outline fused;
  fused.fused = true;
  EXPECT_EQ(planned(fused, "Q5_K_M").at("blk.1.attn_qkv.weight"), "Q6_K");
  Outline experts;
  experts.experts = 8;
  EXPECT_EQ(planned(experts, "Q4_K_M").at("blk.1.attn_k.weight"), "Q8_0");
  EXPECT_EQ(planned(experts, "Q4_K_M").at("blk.1.attn_output.weight"), "Q5_K");
  EXPECT_EQ(planned(experts, "Q4_K_M").at("blk.1.ffn_down_exps.weight"), "Q6_K");
  EXPECT_EQ(planned(experts, "Q4_K_M").at("blk.1.ffn_gate_inp.weight"), "F32");
  experts.experts = 4;
  const auto fp4 = planned(experts, "mxfp4_moe");
  EXPECT_EQ(fp4.at("blk.1.ffn_down_exps.weight"), "MXFP4");
  EXPECT_EQ(fp4.at("blk.1.ffn_up_exps.weight"), "MXFP4");
  EXPECT_EQ(fp4.at("blk.1.attn_q.weight"), "Q8_0");
  EXPECT_EQ(fp4.at("output.weight"), "Q8_0");
  EXPECT_EQ(planned({}, "TQ2_0").at("token_embd.weight"), "Q4_K");
  EXPECT_EQ(planned({}, "BF16").at("output.weight"), "BF16");
  Outline big;
  big.layers = 80;
  big.heads = 64;
  big.kv_heads = 8;
  EXPECT_EQ(planned(big, "Q4_K_M").at("blk.10.attn_v.weight"), "Q5_K");
}

TEST(Recipes, TypesAreThoseOfTheReferencesFiles) {
  GANTRY_NEED_SHARED(kModels);
  const auto source = gguf::GgufFile::open(testing::shared_path(std::string(kModels) + "/llama256.gguf"));
  size_t compared = 0;
  for (const Recipe& recipe : recipe_table()) {
    const std::string name = std::string(kModels) + "/llama256-" + recipe.name + ".gguf";
    if (!testing::shared_has(name)) continue;
    const auto reference = gguf::GgufFile::open(testing::shared_path(name));
    QuantizeOptions options;
    options.recipe = recipe.name;
    const QuantizePlan plan = plan_quantize(*source, options);
    EXPECT_EQ(reference->metadata().get_uint("general.file_type"), recipe.file_type) << recipe.name;
    for (const TensorChange& change : plan.tensors) {
      const gguf::TensorInfo* theirs = reference->find_tensor(change.name);
      ASSERT_NE(theirs, nullptr) << change.name;
      EXPECT_EQ(theirs->dtype, change.to) << recipe.name << " " << change.name;
    }
    ++compared;
  }
  EXPECT_GE(compared, 10u);
}

TEST(Overrides, Patterns) {
  EXPECT_TRUE(matches("blk.*.ffn_down", "blk.12.ffn_down.weight"));
  EXPECT_TRUE(matches("blk.*.ffn_down.weight", "blk.12.ffn_down.weight"));
  EXPECT_FALSE(matches("blk.*.ffn_down", "blk.12.ffn_down_exps.weight"));
  EXPECT_TRUE(matches("*ffn_down*", "blk.12.ffn_down_exps.weight"));
  EXPECT_TRUE(matches("blk.?.attn_?", "blk.3.attn_q.weight"));
  EXPECT_FALSE(matches("blk.?.attn_?", "blk.13.attn_q.weight"));
  EXPECT_TRUE(matches("output", "output.weight"));
  EXPECT_FALSE(matches("output", "blk.0.attn_output.weight"));
  EXPECT_TRUE(matches("*", "anything"));
  EXPECT_FALSE(matches("", "anything"));
  EXPECT_TRUE(matches("*a*b*c", "xxaxbxbxc"));
  EXPECT_FALSE(matches("*a*b*c", "xxaxbxbxcx"));
  // Many stars against a long name: no more than the product of the two.
  EXPECT_FALSE(matches("*a*a*a*a*a*a*a*a*a*a*b", std::string(4000, 'a')));
}

TEST(Overrides, AreParsed) {
  const TypeOverride parsed = parse_type_override("blk.*.ffn_down=q6_k");
  EXPECT_EQ(parsed.pattern, "blk.*.ffn_down");
  EXPECT_EQ(parsed.dtype, Dtype::kQ6_K);
  for (const char* wrong : {"", "=q6_k", "blk", "blk=", "blk=q4_k_m", "blk=i32", "blk=iq2_xxs"})
    EXPECT_EQ(code_of([&] { parse_type_override(wrong); }), ErrorCode::kUsage) << wrong;
}

TEST(Overrides, GoBeforeTheRecipe) {
  const auto types = planned(
      {}, "Q4_K_M", {{"blk.*.ffn_down", Dtype::kQ8_0}, {"blk.1.*", Dtype::kIQ4_NL}, {"output", Dtype::kF16}});
  EXPECT_EQ(types.at("blk.0.ffn_down.weight"), "Q8_0");
  EXPECT_EQ(types.at("blk.1.ffn_down.weight"), "IQ4_NL");  // the last one that fits
  EXPECT_EQ(types.at("blk.1.attn_norm.weight"), "F32");    // not a matrix
  EXPECT_EQ(types.at("output.weight"), "F16");
  std::string what;
  EXPECT_EQ(code_of([] { planned({}, "Q4_K_M", {{"blk.9.*", Dtype::kQ8_0}}); }, &what), ErrorCode::kUsage);
  EXPECT_NE(what.find("blk.9.*"), std::string::npos) << what;
  EXPECT_EQ(code_of([] { planned({}, "Q4_K_M", {{"*_norm", Dtype::kQ8_0}}); }), ErrorCode::kUsage);
  EXPECT_EQ(code_of([] { planned({}, "Q4_K_XXL"); }, &what), ErrorCode::kUsage);
  EXPECT_NE(what.find("Q4_K_M"), std::string::npos) << what;
}

TEST(Fallback, IsTakenAndTold) {
  struct Want {
    const char* recipe;
    uint32_t row;
    const char* type;
  };
  for (const Want& want : {Want{"Q4_K_S", 96, "Q5_0"},
                           {"Q5_K_S", 96, "Q5_1"},
                           {"Q6_K", 96, "Q8_0"},
                           {"Q3_K_S", 96, "Q4_0"},
                           {"IQ4_XS", 96, "IQ4_NL"},
                           {"TQ1_0", 96, "Q4_0"},
                           {"NVFP4", 96, "Q4_0"},
                           {"Q4_K_S", 40, "F16"},
                           {"Q8_0", 40, "F16"},
                           {"F16", 40, "F16"}}) {
    Outline o;
    o.row = want.row;
    const std::vector<std::byte> bytes = model(o);
    const auto file = gguf::GgufFile::parse(bytes, "model.gguf");
    QuantizeOptions options;
    options.recipe = want.recipe;
    const QuantizePlan plan = plan_quantize(*file, options);
    const std::string text = plan.fallback_text();
    for (const TensorChange& change : plan.tensors)
      if (change.name == "blk.1.ffn_up.weight") {
        EXPECT_STREQ(quant::facts(change.to).name, want.type) << want.recipe << " " << want.row;
      }
    EXPECT_EQ(text.find("blk.1.ffn_up.weight: rows of") != std::string::npos,
              std::string(want.recipe) != "F16");
    EXPECT_EQ(plan.fallbacks(), static_cast<size_t>(std::count(text.begin(), text.end(), '\n')));
    EXPECT_EQ(text.find("norm"), std::string::npos);
  }
}

}  // namespace
}  // namespace gantry::library
