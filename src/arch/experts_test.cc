#include "arch/experts.h"

#include <cstring>
#include <map>

#include <gtest/gtest.h>

#include "base/error.h"
#include "gguf/writer.h"

namespace gantry::arch {
namespace {

using Score = device::Routing::Score;

// Keys and tensors of one layer of experts, open to damage.
struct Model {
  std::map<std::string, uint32_t> uints = {{"expert_count", 8}, {"expert_used_count", 2}};
  std::map<std::string, float> floats;
  std::map<std::string, bool> bools;
  std::map<std::string, std::vector<uint64_t>> tensors = {{"ffn_gate_inp.weight", {32, 8}},
                                                          {"ffn_gate_exps.weight", {32, 48, 8}},
                                                          {"ffn_up_exps.weight", {32, 48, 8}},
                                                          {"ffn_down_exps.weight", {48, 32, 8}}};
  std::map<std::string, quant::Dtype> dtypes;

  std::unique_ptr<gguf::GgufFile> file() {
    gguf::Writer writer;
    writer.add_string("general.architecture", "some");
    for (const auto& [key, value] : uints) writer.add_uint("some." + key, value);
    for (const auto& [key, value] : floats) writer.add_float("some." + key, value);
    for (const auto& [key, value] : bools) writer.add_bool("some." + key, value);
    for (const auto& [name, shape] : tensors) {
      const auto dtype = dtypes.contains(name) ? dtypes.at(name) : quant::Dtype::kF32;
      writer.add_tensor("blk.0." + name, shape, dtype,
                        [](std::span<std::byte> out) { std::memset(out.data(), 0, out.size()); });
    }
    bytes_ = writer.to_bytes();
    return gguf::GgufFile::parse(bytes_, "experts.gguf");
  }
  device::Routing routing(const ExpertRule& rule) {
    const auto whole = file();
    const Header header(*whole);
    return read_routing(header, rule);
  }
  // What use() is given lives as long as the file.
  void read(const ExpertRule& rule, const std::function<void(const ExpertMlp&)>& use) {
    const auto whole = file();
    Header header(*whole);
    Trunk trunk;
    trunk.layers = 1;
    trunk.width = 32;
    trunk.hidden = {48};
    use(read_expert_mlp(header, trunk, 0, rule));
    EXPECT_TRUE(header.unused().empty());
  }
  void expect_refused(const ExpertRule& rule, const std::string& what) {
    try {
      read(rule, [](const ExpertMlp&) {});
      FAIL() << "was accepted; expected an error naming " << what;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(what), std::string::npos) << error.what();
    }
  }

 private:
  std::vector<std::byte> bytes_;
};

TEST(Routing, WhatTheFamilySaysAndWhatTheFileSays) {
  Model model;
  ExpertRule rule;
  rule.score = Score::kSigmoid;
  rule.normalise = false;
  model.uints["expert_gating_func"] = 1;
  model.bools["expert_weights_norm"] = true;
  EXPECT_EQ(model.routing(rule).score, Score::kSigmoid);
  EXPECT_FALSE(model.routing(rule).normalise);
  EXPECT_EQ(model.routing(rule).scale, 1);
  rule.score_key = rule.normalise_key = true;
  model.floats["expert_weights_scale"] = 2.5f;
  EXPECT_EQ(model.routing(rule).score, Score::kSoftmax);
  EXPECT_TRUE(model.routing(rule).normalise);
  EXPECT_EQ(model.routing(rule).scale, 2.5f);
  model.uints["expert_gating_func"] = 0;  // says nothing
  model.floats["expert_weights_scale"] = 0;
  EXPECT_EQ(model.routing(rule).score, Score::kSigmoid);
  EXPECT_EQ(model.routing(rule).scale, 1);
  model.uints["expert_gating_func"] = 9;
  EXPECT_THROW(model.routing(rule), Error);
}

TEST(Routing, GroupsMustDivideAndSuffice) {
  Model model;
  model.uints["expert_group_count"] = 4;
  model.expect_refused({}, "some.expert_group_used_count");
  model.uints["expert_group_used_count"] = 1;
  EXPECT_EQ(model.routing({}).groups, 4u);
  EXPECT_EQ(model.routing({}).groups_used, 1u);
  model.uints["expert_used_count"] = 3;  // a group holds two
  model.expect_refused({}, "some.expert_group_used_count");
  model.uints["expert_group_used_count"] = 5;
  model.expect_refused({}, "some.expert_group_used_count");
  model.uints["expert_group_used_count"] = 2;
  EXPECT_EQ(model.routing({}).groups_used, 2u);
  model.uints["expert_group_count"] = 3;
  model.expect_refused({}, "some.expert_group_count");
  model.uints["expert_group_count"] = 1;
  EXPECT_EQ(model.routing({}).groups, 1u);
}

TEST(Routing, NumbersBeyondReasonAreNamed) {
  for (const auto& [key, value] : {std::pair{"expert_used_count", 9u},
                                   {"expert_used_count", 0u},
                                   {"expert_used_count", device::kExpertsUsedMax + 1},
                                   {"expert_count", 0u},
                                   {"expert_count", device::kExpertsMax + 1}}) {
    Model model;
    model.uints[key] = value;
    model.expect_refused({}, std::string("some.") + key);
  }
}

TEST(ExpertMlp, EveryTensorIsNamedWithBothShapes) {
  const Model whole;
  for (const auto& [name, shape] : whole.tensors) {
    Model model;
    model.tensors[name].back() += 1;
    model.expect_refused({}, "blk.0." + name);
    model.tensors.erase(name);
    model.expect_refused({}, "blk.0." + name);
  }
  Model model;
  model.tensors["ffn_up_exps.weight"] = {32, 40, 8};
  model.expect_refused({}, "[32, 40, 8], the model's numbers ask for [32, 48, 8]");
}

TEST(ExpertMlp, Forms) {
  Model model;
  model.read({}, [](const ExpertMlp& mlp) {
    EXPECT_EQ(mlp.hidden(), 48u);
    EXPECT_EQ(mlp.up.shape.rows, 48u);
    EXPECT_TRUE(mlp.gate && mlp.up.sparse);
    EXPECT_FALSE(mlp.shared || mlp.up_bias || mlp.selection_bias);
  });
  model.tensors.erase("ffn_gate_exps.weight");
  model.tensors.erase("ffn_up_exps.weight");
  model.tensors["ffn_gate_up_exps.weight"] = {32, 96, 8};
  model.tensors["ffn_gate_up_exps.bias"] = {96, 8};
  model.read({}, [](const ExpertMlp& mlp) {
    EXPECT_FALSE(mlp.gate);
    EXPECT_EQ(mlp.up.shape.rows, 96u);
    EXPECT_EQ(mlp.up_bias->size, 96u * 8);
  });
  ExpertRule rule;
  rule.shared_hidden = 40;
  model.expect_refused(rule, "blk.0.ffn_gate_shexp.weight");
  for (const char* name : {"ffn_gate_shexp.weight", "ffn_up_shexp.weight"}) model.tensors[name] = {32, 40};
  model.tensors["ffn_down_shexp.weight"] = {40, 32};
  rule.shared_gate = rule.selection_bias = true;
  model.expect_refused(rule, "blk.0.ffn_gate_inp_shexp.weight");
  model.tensors["ffn_gate_inp_shexp.weight"] = {32};  // a matrix of one row
  model.tensors["exp_probs_b.bias"] = {8};
  model.read(rule, [](const ExpertMlp& mlp) {
    EXPECT_EQ(mlp.shared->hidden(), 40u);
    EXPECT_EQ(mlp.shared_gate->weight.shape.rows, 1u);
    EXPECT_EQ(mlp.selection_bias->size, 8u);
  });
}

TEST(ExpertMlp, ATensorForEachExpertOfOneType) {
  Model model;
  model.uints["expert_count"] = 2;
  model.tensors = {{"ffn_gate_inp.weight", {32, 2}}};
  for (const std::string expert : {"0", "1"}) {
    model.tensors["ffn_gate." + expert + ".weight"] = {32, 48};
    model.tensors["ffn_up." + expert + ".weight"] = {32, 48};
    model.tensors["ffn_down." + expert + ".weight"] = {48, 32};
  }
  model.read({}, [](const ExpertMlp& mlp) { EXPECT_EQ(mlp.down.tensors.size(), 2u); });
  model.dtypes["ffn_up.1.weight"] = quant::Dtype::kF16;
  model.expect_refused({}, "blk.0.ffn_up.1.weight");
  model.tensors.erase("ffn_up.1.weight");
  model.expect_refused({}, "blk.0.ffn_up.1.weight");
}

}  // namespace
}  // namespace gantry::arch
