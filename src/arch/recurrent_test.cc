// The families with recurrent layers: what is read, and what is refused by name.
#include "arch/recurrent.h"

#include <cstring>
#include <map>

#include <gtest/gtest.h>

#include "arch/blueprint.h"
#include "base/error.h"
#include "gguf/writer.h"

namespace gantry::arch {
namespace {

using Shape = std::vector<uint64_t>;

// A file in memory, with every part open to damage.
struct Tiny {
  std::string arch;
  std::map<std::string, uint32_t> uints;
  std::map<std::string, std::vector<uint32_t>> arrays;
  std::map<std::string, Shape> tensors;

  std::unique_ptr<gguf::GgufFile> file() {
    gguf::Writer writer;
    writer.add_string("general.architecture", arch);
    writer.add_float(arch + ".attention.layer_norm_rms_epsilon", 1e-5f);
    for (const auto& [key, value] : uints) writer.add_uint(arch + "." + key, value);
    for (const auto& [key, values] : arrays) {
      std::vector<int32_t> numbers(values.begin(), values.end());
      writer.add_ints(arch + "." + key, numbers);
    }
    for (const auto& [name, shape] : tensors) {
      writer.add_tensor(name, shape, quant::Dtype::kF32, [](std::span<std::byte> out) {
        const float one = 1;
        for (size_t i = 0; i < out.size(); i += 4) std::memcpy(&out[i], &one, 4);
      });
    }
    bytes = writer.to_bytes();
    return gguf::GgufFile::parse(bytes, "tiny.gguf");
  }

  std::vector<std::byte> bytes = {};
};

// Two layers, six heads of 5 values in three groups, states of 7; no heads that attend, no hidden size.
Tiny mamba2() {
  Tiny t{"mamba2",
         {{"block_count", 2},
          {"embedding_length", 32},
          {"context_length", 64},
          {"ssm.conv_kernel", 3},
          {"ssm.inner_size", 30},
          {"ssm.state_size", 7},
          {"ssm.time_step_rank", 6},
          {"ssm.group_count", 3}},
         {},
         {{"token_embd.weight", {32, 10}}, {"output_norm.weight", {32}}}};
  for (const std::string layer : {"blk.0.", "blk.1."}) {
    t.tensors[layer + "attn_norm.weight"] = {32};
    t.tensors[layer + "ssm_in.weight"] = {32, 30 + 72 + 6};
    t.tensors[layer + "ssm_conv1d.weight"] = {3, 72};
    t.tensors[layer + "ssm_dt.bias"] = {6};
    t.tensors[layer + "ssm_a"] = {1, 6};
    t.tensors[layer + "ssm_d"] = {1, 6};
    t.tensors[layer + "ssm_norm.weight"] = {10, 3};
    t.tensors[layer + "ssm_out.weight"] = {30, 32};
  }
  return t;
}

void add_mlp(Tiny& t, const std::string& layer) {
  t.tensors[layer + "ffn_gate.weight"] = {32, 48};
  t.tensors[layer + "ffn_up.weight"] = {32, 48};
  t.tensors[layer + "ffn_down.weight"] = {48, 32};
}

void add_attention(Tiny& t, const std::string& layer, uint64_t q, uint64_t kv, uint64_t dim) {
  t.tensors[layer + "attn_q.weight"] = {32, q};
  t.tensors[layer + "attn_k.weight"] = {32, kv};
  t.tensors[layer + "attn_v.weight"] = {32, kv};
  t.tensors[layer + "attn_output.weight"] = {32, 32};
  t.tensors[layer + "attn_q_norm.weight"] = {dim};
  t.tensors[layer + "attn_k_norm.weight"] = {dim};
}

// As published: one number of heads, KV heads layer by layer, 0 where a layer convolves.
Tiny lfm2() {
  Tiny t{"lfm2",
         {{"block_count", 3},
          {"embedding_length", 32},
          {"context_length", 64},
          {"feed_forward_length", 48},
          {"attention.head_count", 4},
          {"shortconv.l_cache", 4}},
         {{"attention.head_count_kv", {0, 2, 0}}},
         {{"token_embd.weight", {32, 10}}, {"token_embd_norm.weight", {32}}}};
  for (const std::string layer : {"blk.0.", "blk.1.", "blk.2."}) {
    t.tensors[layer + "attn_norm.weight"] = {32};
    t.tensors[layer + "ffn_norm.weight"] = {32};
    add_mlp(t, layer);
    if (layer == "blk.1.") {
      add_attention(t, layer, 32, 16, 8);
      continue;
    }
    t.tensors[layer + "shortconv.in_proj.weight"] = {32, 96};
    t.tensors[layer + "shortconv.conv.weight"] = {4, 32};
    t.tensors[layer + "shortconv.out_proj.weight"] = {32, 32};
  }
  return t;
}

// Every second layer attends; two key heads for four value heads.
Tiny qwen35() {
  Tiny t{"qwen35",
         {{"block_count", 2},
          {"embedding_length", 32},
          {"context_length", 64},
          {"feed_forward_length", 48},
          {"attention.head_count", 4},
          {"attention.head_count_kv", 2},
          {"full_attention_interval", 2},
          {"ssm.conv_kernel", 4},
          {"ssm.inner_size", 24},
          {"ssm.state_size", 6},
          {"ssm.time_step_rank", 4},
          {"ssm.group_count", 2}},
         {},
         {{"token_embd.weight", {32, 10}}, {"output_norm.weight", {32}}}};
  for (const std::string layer : {"blk.0.", "blk.1."}) {
    t.tensors[layer + "attn_norm.weight"] = {32};
    t.tensors[layer + "post_attention_norm.weight"] = {32};
    add_mlp(t, layer);
  }
  add_attention(t, "blk.1.", 64, 16, 8);
  t.tensors["blk.0.attn_qkv.weight"] = {32, 48};
  t.tensors["blk.0.attn_gate.weight"] = {32, 24};
  t.tensors["blk.0.ssm_conv1d.weight"] = {4, 48};
  t.tensors["blk.0.ssm_alpha.weight"] = {32, 4};
  t.tensors["blk.0.ssm_beta.weight"] = {32, 4};
  t.tensors["blk.0.ssm_dt.bias"] = {4};
  t.tensors["blk.0.ssm_a"] = {4};
  t.tensors["blk.0.ssm_norm.weight"] = {6};
  t.tensors["blk.0.ssm_out.weight"] = {24, 32};
  return t;
}

std::vector<Tiny> families() { return {mamba2(), lfm2(), qwen35()}; }

// The words of the error; empty when all is read.
std::string refusal(Tiny& tiny) {
  const auto file = tiny.file();
  try {
    read_blueprint(*file);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

TEST(RecurrentFamilies, AreReadWhole) {
  for (Tiny& tiny : std::vector<Tiny>(families())) {
    const auto file = tiny.file();
    const Blueprint blueprint = read_blueprint(*file);
    EXPECT_TRUE(blueprint.unused_tensors.empty()) << tiny.arch << ": " << blueprint.unused_tensors[0];
    std::map<std::string, int> visits;
    visit_weights(blueprint, {[&](const Matrix& m) { ++visits[std::string(m.tensor->name)]; },
                              [&](const Vector& v) { ++visits[std::string(v.tensor->name)]; },
                              [](const MatrixStack&) {}});
    EXPECT_EQ(visits.size(), file->tensors().size()) << tiny.arch;
    for (const auto& [name, count] : visits) EXPECT_EQ(count, 1) << name;
  }
}

TEST(RecurrentFamilies, LayersAreOfTheKindTheFileSays) {
  Tiny conv = lfm2(), delta = qwen35(), scan = mamba2();
  const auto conv_file = conv.file(), delta_file = delta.file(), scan_file = scan.file();
  const Blueprint a = read_blueprint(*conv_file), b = read_blueprint(*delta_file),
                  c = read_blueprint(*scan_file);
  EXPECT_EQ(std::get<ShortConv>(a.layers[0].mixer).taps, 4u);
  EXPECT_EQ(std::get<SoftmaxAttention>(a.layers[1].mixer).kv_heads, 2u);
  EXPECT_EQ(std::get<GatedDelta>(b.layers[0].mixer).key_heads, 2u);
  EXPECT_TRUE(std::get<SoftmaxAttention>(b.layers[1].mixer).gated);
  EXPECT_EQ(std::get<Mamba2>(c.layers[1].mixer).channels(), 72u);
  EXPECT_EQ(std::get<Mamba2>(c.layers[1].mixer).norm->groups, 3u);
  EXPECT_TRUE(std::holds_alternative<NoFfn>(c.layers[1].ffn));
}

TEST(RecurrentFamilies, NamedLayersComeBeforeTheInterval) {
  Tiny tiny = qwen35();
  tiny.uints.erase("full_attention_interval");  // four, if nothing were named
  tiny.arrays["attention.recurrent_layers"] = {1, 0};
  EXPECT_EQ(refusal(tiny), "");
  tiny.arrays["attention.recurrent_layers"] = {1, 1};
  EXPECT_NE(refusal(tiny).find("blk.1.attn_qkv.weight"), std::string::npos);
}

TEST(RecurrentFamilies, OptionalTensorsAreTakenWhereTheyAre) {
  Tiny scan = mamba2(), conv = lfm2();
  scan.tensors["blk.0.ssm_conv1d.bias"] = {72};
  conv.tensors["blk.1.attn_q.bias"] = {32};
  conv.tensors["output.weight"] = {32, 10};
  for (Tiny* tiny : {&scan, &conv}) {
    const auto file = tiny->file();
    EXPECT_TRUE(read_blueprint(*file).unused_tensors.empty()) << tiny->arch;
  }
}

TEST(RecurrentFamilies, EveryMissingOrMisshapenTensorIsNamed) {
  for (const Tiny& whole : families()) {
    for (const auto& [name, shape] : whole.tensors) {
      Tiny tiny = whole;
      tiny.tensors.erase(name);
      EXPECT_NE(refusal(tiny).find(name), std::string::npos) << whole.arch << ": " << refusal(tiny);
      tiny = whole;
      tiny.tensors[name].back() += 1;
      const std::string words = refusal(tiny);
      if (name == "token_embd.weight") continue;  // it says how large the vocabulary is
      EXPECT_NE(words.find(name), std::string::npos) << whole.arch << ": " << words;
      EXPECT_NE(words.find("its shape is"), std::string::npos) << words;
    }
  }
}

TEST(RecurrentFamilies, NumbersThatDoNotFitAreNamed) {
  const auto refused = [](Tiny tiny, const std::string& key, uint32_t value) {
    tiny.uints[key] = value;
    const std::string words = refusal(tiny);
    EXPECT_NE(words.find(tiny.arch + "." + key), std::string::npos) << key << ": " << words;
  };
  refused(mamba2(), "ssm.time_step_rank", 7);
  refused(mamba2(), "ssm.group_count", 4);
  refused(mamba2(), "ssm.conv_kernel", 0);
  refused(mamba2(), "ssm.conv_kernel", 1000);
  refused(mamba2(), "ssm.state_size", 1u << 19);
  refused(lfm2(), "shortconv.l_cache", 0);
  refused(lfm2(), "attention.head_count", 5);
  refused(qwen35(), "ssm.inner_size", 28);
  refused(qwen35(), "ssm.state_size", 300);
  refused(qwen35(), "attention.value_length", 9);
  refused(qwen35(), "full_attention_interval", 0);
  refused(qwen35(), "nextn_predict_layers", 2);
  for (const Tiny& whole : families()) {
    for (const auto& [key, value] : whole.uints) {
      if (key == "full_attention_interval" || key == "attention.head_count_kv") continue;  // have a default
      Tiny tiny = whole;
      tiny.uints.erase(key);
      EXPECT_NE(refusal(tiny).find(key), std::string::npos) << whole.arch << ": " << refusal(tiny);
    }
  }
}

}  // namespace
}  // namespace gantry::arch
