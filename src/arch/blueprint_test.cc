#include "arch/blueprint.h"

#include <cmath>
#include <map>

#include <gtest/gtest.h>

#include "arch/tiny_model.h"
#include "base/error.h"

namespace gantry::arch {
namespace {

// The error that reading gives; its text must name `what`.
void expect_refused(TinyModel& model, ErrorCode code, const std::string& what) {
  const auto file = model.file();
  try {
    read_blueprint(*file);
    FAIL() << "was accepted; expected an error naming " << what;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_NE(std::string(error.what()).find(what), std::string::npos) << error.what();
  }
}

TEST(Blueprint, ReadsALlama) {
  TinyModel model;
  const auto file = model.file();
  const Blueprint blueprint = read_blueprint(*file);
  EXPECT_EQ(blueprint.vocab, 10u);
  EXPECT_TRUE(blueprint.tied());
  ASSERT_EQ(blueprint.layers.size(), 2u);
  const auto& attention = std::get<SoftmaxAttention>(blueprint.layers[1].mixer);
  EXPECT_EQ(attention.heads, 4u);
  EXPECT_EQ(attention.kv_heads, 2u);
  EXPECT_EQ(attention.key_dim, 8u);
  EXPECT_FLOAT_EQ(attention.score_scale, 1 / std::sqrt(8.0f));
  EXPECT_FALSE(attention.q.bias);
  EXPECT_EQ(blueprint.ropes.size(), 1u);
  EXPECT_EQ(blueprint.ropes[0].frequencies.size(), 4u);
  EXPECT_TRUE(blueprint.unused_tensors.empty());
}

// Ranks of a split have whole KV heads, and the query heads that read them.
TEST(Blueprint, AttentionOutputsAreCutBetweenKvHeads) {
  TinyModel model;
  auto file = model.file();
  EXPECT_EQ(std::get<SoftmaxAttention>(read_blueprint(*file).layers[1].mixer).out.weight.shape.unit, 16u);
  EXPECT_EQ(read_blueprint(*file).embedding->shape.unit, device::kSectionUnit);
  model.uints["attention.head_count_kv"] = 1;  // one for all: every rank has it
  for (const std::string layer : {"blk.0.", "blk.1."})
    model.tensors[layer + "attn_k.weight"] = model.tensors[layer + "attn_v.weight"] = {32, 8};
  file = model.file();
  EXPECT_EQ(std::get<SoftmaxAttention>(read_blueprint(*file).layers[0].mixer).out.weight.shape.unit, 8u);
}

TEST(Blueprint, VisitsEveryTensorOnce) {
  TinyModel model;
  model.tensors["output.weight"] = {32, 10};
  model.tensors["blk.0.attn_q.bias"] = {32};
  model.tensors["blk.1.mystery.weight"] = {7};
  const auto file = model.file();
  const Blueprint blueprint = read_blueprint(*file);
  std::map<std::string, int> visits;
  visit_weights(blueprint,
                {[&](const Matrix& m) { ++visits[std::string(m.tensor->name)]; },
                 [&](const Vector& v) { ++visits[std::string(v.tensor->name)]; }, [](const MatrixStack&) {}});
  EXPECT_EQ(visits.size(), file->tensors().size() - 1);
  for (const auto& [name, count] : visits) EXPECT_EQ(count, 1) << name;
  EXPECT_EQ(blueprint.unused_tensors, std::vector<std::string>{"blk.1.mystery.weight"});
  uint64_t values = 0;
  for (const gguf::TensorInfo& tensor : file->tensors()) values += tensor.values();
  EXPECT_EQ(parameters(blueprint), values - 7) << "of what is used, and of that all";
}

TEST(Blueprint, EveryMissingTensorIsNamed) {
  for (const auto& [name, shape] : TinyModel().tensors) {
    TinyModel model;
    model.tensors.erase(name);
    expect_refused(model, ErrorCode::kBadFile, name);
  }
}

TEST(Blueprint, EveryMisshapenTensorIsNamedWithBothShapes) {
  for (const auto& [name, shape] : TinyModel().tensors) {
    TinyModel model;
    model.tensors[name][0] += 4;
    expect_refused(model, ErrorCode::kBadFile, name == "token_embd.weight" ? "token_embd.weight" : name);
    const auto file = model.file();
    try {
      read_blueprint(*file);
    } catch (const Error& error) {
      EXPECT_NE(error.message().find(std::to_string(shape[0] + 4)), std::string::npos) << error.message();
      EXPECT_NE(error.message().find(std::to_string(shape[0])), std::string::npos) << error.message();
    }
  }
}

TEST(Blueprint, EveryMissingKeyIsNamed) {
  for (const auto& [key, value] : TinyModel().uints) {
    if (key == "attention.head_count_kv") continue;  // absent: as many as heads
    TinyModel model;
    model.uints.erase(key);
    expect_refused(model, ErrorCode::kBadFile, "llama." + key);
  }
  TinyModel model;
  model.floats.clear();
  expect_refused(model, ErrorCode::kBadFile, "llama.attention.layer_norm_rms_epsilon");
}

TEST(Blueprint, AbsurdNumbersAreRefused) {
  for (const auto& [key, value] : TinyModel().uints) {
    for (const uint32_t absurd : {0u, 0xffffffffu, 3u}) {
      if (key == "context_length" && absurd == 3) continue;  // a short context is a context
      TinyModel model;
      model.uints[key] = absurd;
      const auto file = model.file();
      EXPECT_THROW(read_blueprint(*file), Error) << key << " = " << absurd;
    }
  }
}

TEST(Blueprint, UnknownArchitecturesAndSettingsAreNamed) {
  TinyModel unknown;
  unknown.arch = "perceptron";
  expect_refused(unknown, ErrorCode::kUnsupported, "perceptron");
  TinyModel experts;
  experts.uints["expert_count"] = 8;
  expect_refused(experts, ErrorCode::kBadFile, "llama.expert_used_count");
  experts.arch = "qwen2";
  expect_refused(experts, ErrorCode::kUnsupported, "qwen2.expert_count");
  TinyModel scaling;
  scaling.strings["rope.scaling.type"] = "spiral";
  expect_refused(scaling, ErrorCode::kUnsupported, "spiral");
}

TEST(Blueprint, Qwen3NeedsItsHeadNorms) {
  TinyModel model;
  model.arch = "qwen3";
  expect_refused(model, ErrorCode::kBadFile, "blk.0.attn_q_norm.weight");
  for (const std::string layer : {"blk.0.", "blk.1."}) {
    model.tensors[layer + "attn_q_norm.weight"] = {8};
    model.tensors[layer + "attn_k_norm.weight"] = {8};
  }
  const auto file = model.file();
  const Blueprint blueprint = read_blueprint(*file);
  EXPECT_TRUE(std::get<SoftmaxAttention>(blueprint.layers[0].mixer).k_norm);
  EXPECT_EQ(blueprint.ropes[0].order, device::RopeOrder::kNeox);
}

TEST(Rope, LinearScalingSlowsEveryPair) {
  TinyModel model;
  model.strings["rope.scaling.type"] = "linear";
  model.floats["rope.scaling.factor"] = 4;
  const auto file = model.file();
  const Rope rope = read_blueprint(*file).ropes[0];
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(rope.frequencies[i], std::pow(10000.0, -2.0 * static_cast<double>(i) / 8) / 4, 1e-15);
  }
}

// Fast pairs keep their speed, slow ones are divided by the factor; cos and sin grow by the published
// temperature.
TEST(Rope, YarnKeepsFastPairsAndSlowsSlowOnes) {
  TinyModel model;
  model.uints["attention.key_length"] = 64;
  model.uints["attention.value_length"] = 64;
  for (const std::string layer : {"blk.0.", "blk.1."}) {
    model.tensors[layer + "attn_q.weight"] = {32, 256};
    model.tensors[layer + "attn_k.weight"] = {32, 128};
    model.tensors[layer + "attn_v.weight"] = {32, 128};
    model.tensors[layer + "attn_output.weight"] = {256, 32};
  }
  model.strings["rope.scaling.type"] = "yarn";
  model.floats["rope.scaling.factor"] = 8;
  model.uints["rope.scaling.original_context_length"] = 4096;
  const auto file = model.file();
  const Rope rope = read_blueprint(*file).ropes[0];
  const auto plain = [](size_t i) { return std::pow(10000.0, -2.0 * static_cast<double>(i) / 64); };
  EXPECT_NEAR(rope.frequencies[0], plain(0), 1e-12);
  EXPECT_NEAR(rope.frequencies[31], plain(31) / 8, 1e-12);
  EXPECT_NEAR(rope.scale, 1 + 0.1 * std::log(8.0), 1e-6);
}

TEST(Rope, FrequencyFactorsDivide) {
  TinyModel model;
  model.tensors["rope_freqs.weight"] = {4};
  const auto file = model.file();
  EXPECT_NEAR(read_blueprint(*file).ropes[0].frequencies[1], 0.1, 1e-12);  // factors of one
  EXPECT_TRUE(read_blueprint(*file).unused_tensors.empty());
}

}  // namespace
}  // namespace gantry::arch
