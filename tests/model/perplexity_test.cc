// The story model's losses against those that float64 numpy gives (golden.json), and that they depend on
// nothing but model and text.
#include "evaluate/perplexity.h"

#include <filesystem>
#include <fstream>
#include <tuple>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "tests/model/fixture.h"
#include "tools/stories/stories.h"

namespace gantry {
namespace {

constexpr const char* kStories = "conformance/weights/stories260K";

class Losses : public ::testing::Test {
 protected:
  void SetUp() override {
    GANTRY_NEED_SHARED(kStories);
    golden_ = nlohmann::json::parse(
        testing::read_bytes(testing::shared_path(std::string(kStories) + "/golden.json")))["perplexity_case"];
  }
  void TearDown() override {
    for (const std::string& path : paths_) std::filesystem::remove(path);
  }

  std::unique_ptr<fleet::Probe> probe(quant::Dtype dtype, fleet::LoadSettings settings = {}) {
    settings.kv_type = "f32";
    settings.model_path =
        (std::filesystem::temp_directory_path() /
         ("gantry_losses_" + std::to_string(::getpid()) + "_" + quant::facts(dtype).name + ".gguf"))
            .string();
    const auto bytes = tools::make_stories_gguf(testing::shared_path(kStories), dtype);
    std::ofstream(settings.model_path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    paths_.push_back(settings.model_path);
    return fleet::Probe::open(testing::registry(), settings);
  }

  nlohmann::json golden_;
  std::vector<std::string> paths_;
};

TEST_F(Losses, AreTheReferences) {
  const auto model = probe(quant::Dtype::kF32);
  const auto tokenizer = model->read_tokenizer();
  const auto tokens = tokenizer->encode(golden_["text"].get<std::string>(), {.add_special = true});
  ASSERT_EQ(tokens, golden_["ids"].get<std::vector<TokenId>>());
  const auto cut = evaluate::cut_windows(tokens.size(), static_cast<uint32_t>(tokens.size()), true);
  const auto report = evaluate::measure(*model, nullptr, tokens, cut, tokenizer->special().bos);
  const auto want = golden_["nll_per_token"].get<std::vector<double>>();
  ASSERT_EQ(report.losses.size(), want.size());
  for (size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(report.losses[i], want[i], 2e-5) << i;
  EXPECT_NEAR(report.perplexity.loss, golden_["mean_nll"].get<double>(), 5e-6);
}

TEST_F(Losses, DoNotKnowSlicesAndThreads) {
  const auto tokens = golden_["ids"].get<std::vector<TokenId>>();
  std::vector<double> first;
  for (const auto& [rows, threads, isa] :
       {std::tuple<uint32_t, uint32_t, const char*>{0, 0, ""}, {1, 1, "scalar"}, {7, 3, ""}}) {
    fleet::LoadSettings settings;
    settings.step_rows = rows;
    settings.threads = threads;
    settings.isa = isa;
    const auto model = probe(quant::Dtype::kQ8_0, settings);
    const auto report =
        evaluate::measure(*model, nullptr, tokens, evaluate::cut_windows(tokens.size(), 20, false), 1);
    EXPECT_EQ(report.losses.size(), 2u * 9u);
    if (first.empty()) first = report.losses;
    EXPECT_EQ(report.losses, first) << rows << " rows";
  }
}

TEST_F(Losses, FewerBitsAreFartherFromTheTruth) {
  const auto tokens = golden_["ids"].get<std::vector<TokenId>>();
  const auto cut = evaluate::cut_windows(tokens.size(), 40, true);
  const auto truth = probe(quant::Dtype::kF32), half = probe(quant::Dtype::kF16),
             eight = probe(quant::Dtype::kQ8_0);
  const auto near = evaluate::measure(*half, truth.get(), tokens, cut, 1);
  const auto far = evaluate::measure(*eight, truth.get(), tokens, cut, 1);
  EXPECT_GT(near.divergence->mean, 0);
  EXPECT_LT(near.divergence->mean, 1e-5);
  EXPECT_GT(far.divergence->mean, 10 * near.divergence->mean);
  EXPECT_LT(far.divergence->mean, 1e-2);
}

}  // namespace
}  // namespace gantry
