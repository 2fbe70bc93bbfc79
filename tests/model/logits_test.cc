// Each family's logits against the reference, and every quantization against exact arithmetic on the same
// weights. Prints the table: family, normalized mean squared error, contract E.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>

#include <gtest/gtest.h>

#include "arch/blueprint.h"
#include "tests/model/contract_e.h"

namespace gantry {
namespace {

using testing::contract_e;
using testing::logits_of;
using testing::nmse;

constexpr double kNmseMax = 1e-6;
constexpr const char* kLogits = "conformance/logits";

TEST(Logits, EveryFamilyMatchesTheReference) {
  GANTRY_NEED_SHARED(kLogits);
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(testing::shared_path(kLogits))) {
    if (entry.path().extension() == ".gguf") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<std::string> passed;
  std::printf("%-16s %-12s %s\n", "family", "NMSE", "contract E");
  for (const auto& file : files) {
    const std::string name = file.stem().string();
    fleet::LoadSettings settings;
    settings.model_path = file.string();
    settings.kv_type = "f32";
    auto path = file;
    const std::vector<TokenId> tokens = testing::read_tokens(path.replace_extension(".tokens.txt").string());
    const auto want = testing::to_floats(
        testing::read_bytes(path.replace_extension("").replace_extension(".f32").string()));
    try {
      const auto got = logits_of(settings, tokens);
      const double error = nmse(got, want);
      const std::string e = contract_e(settings, tokens, got);
      std::printf("%-16s %-12.2e %s\n", name.c_str(), error, e.c_str());
      EXPECT_LT(error, kNmseMax) << name;
      EXPECT_EQ(e, "holds") << name;
      if (error < kNmseMax) passed.push_back(name);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUnsupported) << name << ": " << error.what();
      std::printf("%-16s %s\n", name.c_str(), error.what());
    }
  }
  for (const char* must :
       {"command-r",     "deepseek2",    "ernie4_5-moe", "exaone4",       "falcon",     "gemma",
        "gemma2",        "gemma3",       "glm4",         "glm4moe",       "gpt-oss",    "gpt2",
        "gptneox",       "granite",      "granitemoe",   "hunyuan-dense", "internlm2",  "llama",
        "llama-headdim", "llama-linear", "llama-moe",    "llama-yarn",    "minimax-m2", "mistral3",
        "olmo2",         "phi2",         "phi3",         "qwen2",         "qwen2moe",   "qwen3",
        "qwen3moe",      "seed_oss",     "smollm3",      "stablelm",      "starcoder2"}) {
    EXPECT_NE(std::find(passed.begin(), passed.end(), must), passed.end()) << must;
  }
}

std::map<std::string, double> peer_errors() {
  std::ifstream in(testing::shared_path("conformance/logits/quantized/peer-error.txt"));
  std::map<std::string, double> errors;
  std::string line;
  std::getline(in, line);  // the heading
  std::string name;
  for (double error = 0; in >> name >> error;) errors[name] = error;
  return errors;
}

TEST(Logits, QuantizedWeightsLoseNoMoreThanThePeer) {
  GANTRY_NEED_SHARED("conformance/logits/quantized");
  const std::string folder = testing::shared_path("conformance/logits/quantized/");
  const auto tokens = testing::read_tokens(folder + "llama256.tokens.txt");
  int compared = 0;
  std::printf("%-12s %-10s %-10s %s\n", "type", "NMSE", "peer", "contract E");
  for (const auto& [type, peer] : peer_errors()) {
    fleet::LoadSettings settings;
    settings.model_path = folder + "llama256-" + type + ".gguf";
    settings.kv_type = "f32";
    try {
      const auto got = logits_of(settings, tokens);
      const double error =
          nmse(got, testing::to_floats(testing::read_bytes(folder + "llama256-" + type + ".exact.f32")));
      const std::string e = contract_e(settings, tokens, got);
      std::printf("%-12s %-10.2e %-10.2e %s\n", type.c_str(), error, peer, e.c_str());
      EXPECT_LE(error, peer) << type;
      EXPECT_EQ(e, "holds") << type;
      ++compared;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUnsupported) << type << ": " << error.what();
      std::printf("%-12s %s\n", type.c_str(), error.what());
    }
  }
  EXPECT_GE(compared, 16);
}

TEST(Logits, SmallerKvTypesStayClose) {
  GANTRY_NEED_SHARED("conformance/logits/llama.gguf");
  const auto tokens = testing::read_tokens(testing::shared_path("conformance/logits/llama.tokens.txt"));
  const auto want =
      testing::to_floats(testing::read_bytes(testing::shared_path("conformance/logits/llama.f32")));
  fleet::LoadSettings settings;
  settings.model_path = testing::shared_path("conformance/logits/llama.gguf");
  double before = 0;
  for (const auto& [kv_type, limit] : {std::pair<const char*, double>{"f16", 1e-5}, {"q8_0", 1e-2}}) {
    settings.kv_type = kv_type;
    const auto got = logits_of(settings, tokens);
    const double error = nmse(got, want);
    std::printf("KV %-5s NMSE %.2e\n", kv_type, error);
    EXPECT_LT(error, limit) << kv_type;
    EXPECT_GT(error, before) << "a smaller type cannot lose less: is it used at all?";
    EXPECT_EQ(contract_e(settings, tokens, got), "holds") << kv_type;
    before = error;
  }
}

}  // namespace
}  // namespace gantry
