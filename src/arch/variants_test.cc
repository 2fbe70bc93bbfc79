// What families make of the keys and tensors that only some of their files have.
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "arch/blueprint.h"
#include "arch/tiny_model.h"
#include "base/error.h"

namespace gantry::arch {
namespace {

constexpr const char* kLayers[] = {"blk.0.", "blk.1."};

// A family's shape out of the tiny llama's.
TinyModel family(const std::string& arch) {
  TinyModel model;
  model.arch = arch;
  const auto for_layers = [&](const std::string& name, std::vector<uint64_t> shape) {
    for (const std::string layer : kLayers) model.tensors[layer + name] = shape;
  };
  const auto without = [&](const std::string& name) {
    for (const std::string layer : kLayers) model.tensors.erase(layer + name);
  };
  if (arch == "gemma2" || arch == "gemma3" || arch == "olmo2" || arch == "exaone4") {
    for_layers("post_attention_norm.weight", {32});
    for_layers("post_ffw_norm.weight", {32});
  }
  if (arch == "gemma3" || arch == "exaone4") {
    for_layers("attn_q_norm.weight", {8});
    for_layers("attn_k_norm.weight", {8});
  }
  if (arch == "olmo2" || arch == "exaone4") {
    without("attn_norm.weight");
    without("ffn_norm.weight");
    model.tensors["output.weight"] = {32, 10};
  }
  if (arch == "olmo2") {
    for_layers("attn_q_norm.weight", {32});
    for_layers("attn_k_norm.weight", {16});
  }
  if (arch == "phi3" || arch == "glm4") {
    without("ffn_gate.weight");
    for_layers("ffn_up.weight", {32, 96});
  }
  if (arch == "mpt" || arch == "cohere2") model.floats = {{"attention.layer_norm_epsilon", 1e-5f}};
  if (arch == "mpt") without("ffn_gate.weight");
  return model;
}

// A Blueprint and the file that it points into.
struct Read {
  std::unique_ptr<gguf::GgufFile> file;
  Blueprint blueprint;
  const SoftmaxAttention& attention(size_t layer) const {
    return std::get<SoftmaxAttention>(blueprint.layers[layer].mixer);
  }
};
Read read(TinyModel& model) {
  auto file = model.file();
  Blueprint blueprint = read_blueprint(*file);
  return {std::move(file), std::move(blueprint)};
}

TEST(Windows, ComeFromAnArrayAPeriodOrTheFamily) {
  TinyModel model = family("gemma2");
  EXPECT_EQ(read(model).attention(0).window, 4096u);  // every second layer of Gemma 2, from the first
  EXPECT_EQ(read(model).attention(1).window, 0u);
  model.uints["attention.sliding_window"] = 77;
  model.arrays["attention.sliding_window_pattern"] = {0, 1};
  EXPECT_EQ(read(model).attention(0).window, 0u);
  EXPECT_EQ(read(model).attention(1).window, 77u);
  model.arrays.clear();
  model.uints["attention.sliding_window_pattern"] = 1;  // all but the last of one
  EXPECT_EQ(read(model).attention(0).window, 0u);
  model.uints["attention.sliding_window_pattern"] = 0;
  EXPECT_EQ(read(model).attention(1).window, 77u);
}

TEST(Windows, WindowedLayersOfGemma3TurnAtTheirOwnBaseUnscaled) {
  TinyModel model = family("gemma3");
  EXPECT_EQ(read(model).blueprint.ropes.size(), 1u);
  model.uints["attention.sliding_window"] = 16;
  model.arrays["attention.sliding_window_pattern"] = {1, 0};
  model.floats["rope.freq_base"] = 1e6f;
  model.floats["rope.scaling.factor"] = 8;
  const Read windowed = read(model);
  ASSERT_EQ(windowed.blueprint.ropes.size(), 2u);
  EXPECT_NE(windowed.attention(0).rope, windowed.attention(1).rope);
  EXPECT_NEAR(windowed.blueprint.ropes[*windowed.attention(0).rope].frequencies[1], 0.1, 1e-12);
  EXPECT_NEAR(windowed.blueprint.ropes[*windowed.attention(1).rope].frequencies[1], std::pow(1e6, -0.25) / 8,
              1e-12);
  EXPECT_EQ(windowed.blueprint.layers[0].mixer_post_norm->kind, device::NormKind::kRms);
  EXPECT_FLOAT_EQ(windowed.blueprint.embedding_scale, std::sqrt(32.0f));
}

TEST(Windows, Olmo3ScalesOnlyWhereThereIsNone) {
  TinyModel model = family("olmo2");
  model.uints["attention.sliding_window"] = 16;
  model.uints["attention.sliding_window_pattern"] = 2;
  model.strings["rope.scaling.type"] = "yarn";
  model.floats["rope.scaling.factor"] = 8;
  const Read found = read(model);
  EXPECT_EQ(found.attention(0).window, 16u);
  EXPECT_FLOAT_EQ(found.blueprint.ropes[*found.attention(0).rope].scale, 1);
  EXPECT_NEAR(found.blueprint.ropes[*found.attention(1).rope].scale, 1 + 0.1 * std::log(8.0), 1e-6);
  EXPECT_EQ(found.attention(0).q_norm->size, 32u);
}

TEST(Windows, OfPhi3AreInEveryLayer) {
  for (const uint32_t window : {0u, 2047u}) {
    TinyModel model = family("phi3");
    model.uints["attention.sliding_window"] = window;
    const Read phi = read(model);
    for (const size_t layer : {0u, 1u}) EXPECT_EQ(phi.attention(layer).window, window);
  }
  TinyModel without = family("phi3");
  EXPECT_EQ(read(without).attention(0).window, 0u);
}

TEST(Windows, LayersOfCohere2WithoutOneDoNotTurn) {
  TinyModel model = family("cohere2");
  model.floats["logit_scale"] = 0.25f;
  model.uints["attention.sliding_window"] = 16;
  model.uints["attention.sliding_window_pattern"] = 2;
  const Read found = read(model);
  EXPECT_TRUE(found.attention(0).rope);
  EXPECT_FALSE(found.attention(1).rope);
  EXPECT_TRUE(found.blueprint.layers[0].parallel);
  EXPECT_FLOAT_EQ(found.blueprint.logit_scale, 0.25f);
}

TEST(Rotation, LongFactorsAreForContextsBeyondTheOriginal) {
  TinyModel model = family("phi3");
  model.weight_value = 4;
  model.tensors["rope_factors_short.weight"] = {4};
  EXPECT_TRUE(read(model).blueprint.ropes[0].long_frequencies.empty());
  model.tensors["rope_factors_long.weight"] = {4};
  model.uints["rope.scaling.original_context_length"] = 32;
  model.floats["rope.scaling.attn_factor"] = 1.25f;
  const Read found = read(model);
  const Rope& rope = found.blueprint.ropes[0];
  EXPECT_EQ(&rope.frequencies_for(32), &rope.frequencies);
  EXPECT_EQ(&rope.frequencies_for(33), &rope.long_frequencies);
  EXPECT_NEAR(rope.frequencies[0], 0.25, 1e-12);
  EXPECT_FLOAT_EQ(rope.scale, 1.25f);
  model.uints.erase("rope.scaling.original_context_length");  // nothing shorter: made for the long ones
  const Read unsaid = read(model);
  EXPECT_EQ(&unsaid.blueprint.ropes[0].frequencies_for(1), &unsaid.blueprint.ropes[0].long_frequencies);
}

TEST(Numbers, WhatEndsInInfinitiesIsRefusedByItsKey) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity(), 1e-45f, 1e30f, -1e30f}) {
    TinyModel model = family("cohere2");
    model.uints["attention.sliding_window"] = 16;
    model.uints["attention.sliding_window_pattern"] = 2;
    model.floats["logit_scale"] = bad;
    try {
      read(model);
      ADD_FAILURE() << bad;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kBadFile) << bad;
      EXPECT_NE(error.where().find("logit_scale"), std::string::npos) << error.what();
    }
  }
}

TEST(Companions, AreRefusedByWhatTheyAre) {
  const auto refused = [](const std::string& type, const std::string& arch) {
    gguf::Writer writer;
    writer.add_string("general.architecture", arch);
    if (!type.empty()) writer.add_string("general.type", type);
    const std::vector<std::byte> bytes = writer.to_bytes();
    try {
      read_blueprint(*gguf::GgufFile::parse(bytes, "file"));
    } catch (const Error& error) {
      return error.message();
    }
    return std::string("taken");
  };
  EXPECT_NE(refused("adapter", "llama").find("LoRA"), std::string::npos);
  EXPECT_NE(refused("mmproj", "clip").find("projector"), std::string::npos);
  EXPECT_NE(refused("", "clip").find("projector"), std::string::npos) << "older ones say it so";
  EXPECT_NE(refused("imatrix", "llama").find("importance"), std::string::npos);
  EXPECT_NE(refused("", "controlvector").find("control vector"), std::string::npos);
  EXPECT_NE(refused("model", "martian").find("'martian' is not supported"), std::string::npos);
}

TEST(Rotation, TheFourthSectionStandsStill) {
  TinyModel model = family("glm4");
  for (const std::string layer : kLayers) {
    model.tensors[layer + "post_attention_norm.weight"] = {32};
    model.tensors[layer + "post_ffw_norm.weight"] = {32};
  }
  EXPECT_EQ(read(model).blueprint.ropes[0].order, device::RopeOrder::kAdjacent);
  model.arrays["rope.dimension_sections"] = {1, 1, 1, 1};
  const Read found = read(model);
  EXPECT_EQ(found.blueprint.ropes[0].order, device::RopeOrder::kNeox);
  EXPECT_GT(found.blueprint.ropes[0].frequencies[2], 0);
  EXPECT_EQ(found.blueprint.ropes[0].frequencies[3], 0);
  model.arrays["rope.dimension_sections"] = {4, 0, 0, 0};  // one section: as if there were none
  EXPECT_EQ(read(model).blueprint.ropes[0].order, device::RopeOrder::kAdjacent);
}

// A factor as files may have by damage: what would turn so fast has no digits left.
TEST(Rotation, TooFastForAnyModelIsRefused) {
  for (const char* type : {"linear", "yarn"}) {
    TinyModel model;
    model.strings["rope.scaling.type"] = type;
    model.floats["rope.scaling.factor"] = 1e-30f;
    const auto file = model.file();
    try {
      read_blueprint(*file);
      FAIL() << type;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kBadFile);
      EXPECT_NE(std::string(error.what()).find("llama.rope.scaling.factor"), std::string::npos)
          << error.what();
    }
  }
}

TEST(Rotation, MistralMultipliesAndTempers) {
  TinyModel model = family("mistral3");
  model.strings["rope.scaling.type"] = "yarn";
  model.floats["rope.scaling.factor"] = 16;
  model.floats["rope.scaling.yarn_log_multiplier"] = 1;
  model.floats["attention.temperature_scale"] = 0.1f;
  model.uints["rope.scaling.original_context_length"] = 16;
  const Read found = read(model);
  EXPECT_FLOAT_EQ(found.blueprint.ropes[0].scale, 1);
  ASSERT_TRUE(found.attention(1).temperature);
  EXPECT_EQ(found.attention(1).temperature->floor_positions, 16u);
}

TEST(Slopes, AreTheGeometricRowOfTheNextPowerOfTwo) {
  TinyModel model = family("mpt");
  model.floats["attention.max_alibi_bias"] = 8;
  model.floats["attention.clamp_kqv"] = 6;
  model.uints["attention.head_count"] = 6;
  model.uints["attention.key_length"] = 8;
  model.uints["attention.value_length"] = 8;
  for (const std::string layer : kLayers) {
    model.tensors[layer + "attn_q.weight"] = {32, 48};
    model.tensors[layer + "attn_output.weight"] = {48, 32};
  }
  const Read found = read(model);
  ASSERT_EQ(found.blueprint.slopes.size(), 1u);
  const float wanted[] = {0.25f, 0.0625f, 1 / 64.0f, 1 / 256.0f, 0.5f, 0.125f};
  for (size_t head = 0; head < 6; ++head) EXPECT_FLOAT_EQ(found.blueprint.slopes[0][head], wanted[head]);
  EXPECT_EQ(found.attention(1).slopes, 0u);
  EXPECT_FLOAT_EQ(found.attention(1).clamp, 6);
  EXPECT_TRUE(found.blueprint.ropes.empty());
}

TEST(Fused, QueriesKeysAndValuesAreRowsOfOneTensor) {
  TinyModel model;
  for (const std::string layer : kLayers) {
    for (const char* part : {"attn_q.weight", "attn_k.weight", "attn_v.weight"})
      model.tensors.erase(layer + part);
    model.tensors[layer + "attn_qkv.weight"] = {32, 64};
    model.tensors[layer + "attn_qkv.bias"] = {64};
  }
  const Read found = read(model);
  const SoftmaxAttention& attention = found.attention(0);
  EXPECT_EQ(attention.q.weight.first_row, 0u);
  EXPECT_EQ(attention.k.weight.first_row, 32u);
  EXPECT_EQ(attention.v.weight.first_row, 48u);
  EXPECT_EQ(attention.v.weight.shape.rows, 16u);
  EXPECT_EQ(attention.v.bias->first, 48u);
  std::vector<std::byte> room;
  EXPECT_EQ(bytes_of(*found.file, attention.k.weight, 0, 16, room).size(), size_t{16} * 32 * 4);
  uint64_t stored = 0, whole = 0;
  const auto add = [&](const auto& weight) { stored += stored_bytes(weight); };
  visit_weights(found.blueprint, {add, add, add});
  for (const gguf::TensorInfo& tensor : found.file->tensors()) whole += tensor.bytes;
  EXPECT_EQ(stored, whole);  // each byte of the file once
  for (const std::string layer : kLayers) model.tensors.erase(layer + "attn_qkv.weight");
  const auto file = model.file();
  try {
    read_blueprint(*file);
    FAIL() << "was read without q, k and v";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("blk.0.attn_qkv.weight"), std::string::npos) << error.what();
  }
}

TEST(PerLayer, HeadsMayDiffer) {
  TinyModel model;
  model.uints.erase("attention.head_count");
  model.uints.erase("attention.head_count_kv");
  model.uints["attention.key_length"] = model.uints["attention.value_length"] = 8;
  model.arrays["attention.head_count"] = {4, 2};
  model.arrays["attention.head_count_kv"] = {2, 1};
  model.tensors["blk.1.attn_q.weight"] = {32, 16};
  model.tensors["blk.1.attn_k.weight"] = model.tensors["blk.1.attn_v.weight"] = {32, 8};
  model.tensors["blk.1.attn_output.weight"] = {16, 32};
  EXPECT_EQ(read(model).attention(1).heads, 2u);
  model.arrays["attention.head_count_kv"] = {2};
  const auto file = model.file();
  EXPECT_THROW(read_blueprint(*file), Error);
}

// Numbers whose products come back to small ones where they are cut to 32 bits: 16384 heads of 262145 values
// would be 2^32 + 16384.
TEST(PerLayer, LatentHeadsOfEveryLayerAreBounded) {
  constexpr uint32_t kHeads = 16384, kQuery = 262145;
  TinyModel model;
  model.arch = "deepseek2";
  model.uints.erase("attention.head_count");
  model.uints.erase("attention.head_count_kv");
  model.arrays["attention.head_count"] = {1, kHeads};
  model.uints["attention.kv_lora_rank"] = 1;
  model.uints["rope.dimension_count"] = 2;
  model.uints["attention.key_length_mla"] = kQuery;
  model.uints["attention.value_length_mla"] = 2;
  model.uints["leading_dense_block_count"] = 2;
  for (const std::string layer : kLayers) {
    const uint64_t heads = layer == kLayers[0] ? 1 : kHeads;
    for (const char* name : {"attn_k.weight", "attn_v.weight"}) model.tensors.erase(layer + name);
    model.tensors[layer + "attn_q.weight"] = {32, heads * kQuery % (uint64_t{1} << 32)};
    model.tensors[layer + "attn_kv_a_mqa.weight"] = {32, 3};
    model.tensors[layer + "attn_kv_a_norm.weight"] = {1};
    model.tensors[layer + "attn_kv_b.weight"] = {1, heads * kQuery % (uint64_t{1} << 32)};
    model.tensors[layer + "attn_output.weight"] = {heads * 2, 32};
  }
  const auto file = model.file();
  try {
    read_blueprint(*file);
    FAIL() << "was read";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("beyond any model"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace gantry::arch
