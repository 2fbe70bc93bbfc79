// A whole model in every type of weights: its logits beside those of the same weights widened to F32, so that
// what is left is the error of the arithmetic alone (activations in eight bits), not of the encoding.
#include <cstdio>
#include <filesystem>

#include <gtest/gtest.h>
#include <unistd.h>

#include "library/quantize.h"
#include "tests/model/fixture.h"

namespace gantry {
namespace {

constexpr const char* kModel = "conformance/logits/quantized/llama256.gguf";
// The reference program's own error on such files is 3e-4 to 9e-4 (peer-error.txt).
constexpr double kNmseMax = 5e-4, kFloatNmseMax = 1e-9;

class Formats : public ::testing::TestWithParam<quant::Dtype> {
 protected:
  void SetUp() override {
    GANTRY_NEED_SHARED(kModel);
    folder_ = std::filesystem::temp_directory_path() /
              ("gantry_formats_" + std::to_string(::getpid()) + "_" + quant::facts(GetParam()).name);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }
  std::string at(const char* name) const { return (folder_ / name).string(); }

  std::filesystem::path folder_;
};

TEST_P(Formats, LoseLittleInTheArithmetic) {
  const char* name = quant::facts(GetParam()).name;
  library::QuantizeOptions options;
  options.recipe = "F32";
  options.overrides = {{"*", GetParam()}};
  const auto plan = library::quantize(testing::shared_path(kModel), at("coarse.gguf"), options);
  EXPECT_EQ(plan.fallbacks(), 0u);
  options.overrides.clear();
  options.from_quantized = true;
  library::quantize(at("coarse.gguf"), at("wide.gguf"), options);

  const auto tokens =
      testing::read_tokens(testing::shared_path("conformance/logits/quantized/llama256.tokens.txt"));
  fleet::LoadSettings settings;
  settings.kv_type = "f32";
  settings.model_path = at("wide.gguf");
  const auto want = testing::logits_of(settings, tokens);
  settings.model_path = at("coarse.gguf");
  const auto got = testing::logits_of(settings, tokens);
  const double error = testing::nmse(got, want);
  std::printf("%-8s NMSE %.2e\n", name, error);
  EXPECT_LE(error, quant::facts(GetParam()).block_values == 1 ? kFloatNmseMax : kNmseMax);
  settings.isa = "scalar";
  EXPECT_TRUE(testing::same_bits(got, testing::logits_of(settings, tokens, 3)));
}

std::vector<quant::Dtype> weight_types() {
  std::vector<quant::Dtype> out;
  for (const quant::DtypeFacts& facts : quant::dtype_table())
    if (facts.is_weight) out.push_back(facts.dtype);
  return out;
}

INSTANTIATE_TEST_SUITE_P(Types, Formats, ::testing::ValuesIn(weight_types()),
                         [](const auto& tested) { return quant::facts(tested.param).name; });

}  // namespace
}  // namespace gantry
