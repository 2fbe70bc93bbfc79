// What a batch may ask of a real model beside logits: picks, hidden states, rows that are no tokens, rows
// that turn by other positions than those they stand at.
#include <algorithm>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "fleet/opened_model.h"
#include "model/loaded_model.h"
#include "model/transformer.h"
#include "quant/dtype.h"
#include "sample/sampler.h"
#include "tests/model/fixture.h"

namespace gantry::testing {
namespace {

constexpr uint32_t kRows = 20;

class BatchOf : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string path = "conformance/logits/" + std::string(GetParam()) + ".gguf";
    GANTRY_NEED_SHARED(path);
    fleet::LoadSettings settings;
    settings.model_path = shared_path(path);
    settings.sequences = 1;
    settings.context = 64;
    settings.kv_type = "f32";
    opened_ = fleet::open_model(registry(), settings, true);
    loaded_ = model::LoadedModel::load(*opened_.blueprint, *opened_.file, opened_.plan, *opened_.device);
    runner_ = model::make_transformer(*opened_.blueprint, *loaded_, *opened_.device);
    const model::RunnerLimits& limits = runner_->limits();
    for (uint32_t i = 0; i < kRows; ++i)
      tokens_.push_back(static_cast<TokenId>((i * 7919 + 17) % limits.vocab));
    rows_.resize(kRows);
    std::iota(rows_.begin(), rows_.end(), 0);
    zeros_.resize(kRows);
    pages_.resize(limits.pages_max);
    std::iota(pages_.begin(), pages_.end(), PageId{0});
  }

  // All rows of one sequence from its beginning.
  model::Batch batch() const {
    return {.tokens = tokens_, .positions = rows_, .sequences = zeros_, .page_tables = pages_};
  }
  std::vector<float> logits(model::Batch asked) {
    asked.logit_rows = rows_;
    const auto out = runner_->step(asked).logits;
    return {out.begin(), out.end()};
  }
  // What the embedding gives for a token.
  std::vector<float> embedded(TokenId token) const {
    const arch::Blueprint& blueprint = *opened_.blueprint;
    const gguf::TensorInfo& tensor = *blueprint.embedding->tensor;
    const uint64_t bytes = quant::row_bytes(*tensor.dtype, blueprint.width);
    std::vector<float> row(blueprint.width);
    quant::decode_row(*tensor.dtype,
                      opened_.file->data(tensor).subspan(static_cast<uint64_t>(token) * bytes, bytes), row);
    for (float& value : row) value *= blueprint.embedding_scale;
    return row;
  }

  fleet::OpenedModel opened_;
  std::unique_ptr<model::LoadedModel> loaded_;
  std::unique_ptr<model::Runner> runner_;
  std::vector<TokenId> tokens_;
  std::vector<int32_t> rows_, zeros_;
  std::vector<PageId> pages_;
};

TEST_P(BatchOf, PicksAreThoseOfASamplerOverTheLogits) {
  const auto whole = logits(batch());
  std::vector<sample::SamplingParams> params(kRows);
  std::vector<model::PickRow> picks;
  for (uint32_t i = 1; i < kRows; i += 2) {
    params[i].temperature = i % 4 == 1 ? 0 : 0.8;
    params[i].top_p = 0.95;
    params[i].seed = i;
    picks.push_back({.row = static_cast<int32_t>(i),
                     .params = &params[i],
                     .tokens = std::span(tokens_).first(i + 1),
                     .prompt_tokens = i + 1,
                     .logprobs = true,
                     .top_logprobs = 3});
  }
  model::Batch asked = batch();
  asked.picks = picks;
  const std::vector<int32_t> beside = {0, 7};
  asked.logit_rows = beside;
  const model::Outputs out = runner_->step(asked);
  ASSERT_EQ(out.picks.size(), picks.size());
  const uint32_t vocab = runner_->limits().vocab;
  sample::Sampler sampler(vocab);
  for (size_t i = 0; i < picks.size(); ++i) {
    const auto first =
        whole.begin() + static_cast<std::ptrdiff_t>(size_t{vocab} * static_cast<size_t>(picks[i].row));
    std::vector<float> row(first, first + vocab);
    const auto expected = sampler.pick(row, {.params = picks[i].params,
                                             .tokens = picks[i].tokens,
                                             .prompt_tokens = picks[i].prompt_tokens,
                                             .allowed = {},
                                             .logprobs = true,
                                             .top_logprobs = 3});
    EXPECT_EQ(out.picks[i].token, expected.token);
    EXPECT_EQ(out.picks[i].logprob, expected.logprob);
    EXPECT_EQ(out.picks[i].top[2].token, expected.top[2].token);
  }
  ASSERT_EQ(out.logits.size(), size_t{2} * vocab);
  EXPECT_TRUE(std::equal(out.logits.begin(), out.logits.begin() + vocab, whole.begin()));
  EXPECT_TRUE(std::equal(out.logits.begin() + vocab, out.logits.end(),
                         whole.begin() + static_cast<std::ptrdiff_t>(size_t{vocab} * 7)));
}

TEST_P(BatchOf, HiddenStatesAreWhatTheOutputReads) {
  const arch::Blueprint& blueprint = *opened_.blueprint;
  const auto whole = logits(batch());
  model::Batch asked = batch();
  const std::vector<int32_t> wanted = {2, kRows - 1};
  asked.hidden_rows = wanted;
  const auto hidden = runner_->step(asked).hidden;
  ASSERT_EQ(hidden.size(), size_t{2} * blueprint.width);
  if (blueprint.output->bias || blueprint.logit_cap != 0) return;
  const gguf::TensorInfo& tensor = *blueprint.output->weight.tensor;
  const uint64_t bytes = quant::row_bytes(*tensor.dtype, blueprint.width);
  std::vector<float> row(blueprint.width), expected, got;
  for (size_t i = 0; i < wanted.size(); ++i)
    for (uint32_t token = 0; token < blueprint.vocab; ++token) {
      quant::decode_row(*tensor.dtype, opened_.file->data(tensor).subspan(token * bytes, bytes), row);
      double sum = 0;
      for (uint32_t k = 0; k < blueprint.width; ++k)
        sum += static_cast<double>(row[k]) * static_cast<double>(hidden[i * blueprint.width + k]);
      got.push_back(static_cast<float>(sum) * blueprint.logit_scale);
      expected.push_back(whole[static_cast<size_t>(wanted[i]) * blueprint.vocab + token]);
    }
  EXPECT_LT(nmse(got, expected), 1e-3);
}

TEST_P(BatchOf, RowsThatAreTheEmbeddingsGiveTheSameBitsAsTokens) {
  const auto whole = logits(batch());
  std::vector<TokenId> tokens = tokens_;
  std::vector<float> inputs;
  for (uint32_t i = 3; i < kRows; i += 4) {
    const auto row = embedded(tokens[i]);
    inputs.insert(inputs.end(), row.begin(), row.end());
    tokens[i] = kNoToken;
  }
  model::Batch asked = batch();
  asked.tokens = tokens;
  asked.inputs = inputs;
  EXPECT_TRUE(same_bits(logits(asked), whole));
  inputs[0] += 1;
  EXPECT_FALSE(same_bits(logits(asked), whole));
}

TEST_P(BatchOf, RowsTurnByTheirRopePositions) {
  const auto whole = logits(batch());
  model::Batch asked = batch();
  asked.rope_positions = rows_;
  EXPECT_TRUE(same_bits(logits(asked), whole));
  std::vector<int32_t> shifted = rows_;
  for (int32_t& position : shifted) position += 9;
  asked.rope_positions = shifted;
  const auto moved = logits(asked);
  EXPECT_FALSE(same_bits(moved, whole));
  EXPECT_LT(nmse(moved, whole), 1e-6) << "only distances count";
  const std::vector<int32_t> still(kRows, 5);
  asked.rope_positions = still;
  EXPECT_GT(nmse(logits(asked), whole), 1e-4) << "without distances it is another text";
}

// Without an order nothing tells where a row stands: the same rows in reverse give the same in reverse.
TEST_P(BatchOf, RowsSeeEachOtherWhereNothingIsCausal) {
  const uint32_t vocab = runner_->limits().vocab;
  const std::vector<int32_t> still(kRows, 5);
  model::Batch asked = batch();
  asked.rope_positions = still;
  asked.causal = false;
  const auto forwards = logits(asked);
  const std::vector<TokenId> reversed(tokens_.rbegin(), tokens_.rend());
  asked.tokens = reversed;
  const auto backwards = logits(asked);
  std::vector<float> turned;
  for (uint32_t row = kRows; row-- > 0;)
    turned.insert(turned.end(), backwards.begin() + static_cast<std::ptrdiff_t>(size_t{row} * vocab),
                  backwards.begin() + static_cast<std::ptrdiff_t>(size_t{row + 1} * vocab));
  EXPECT_LT(nmse(turned, forwards), 1e-9);
  asked.causal = true;
  EXPECT_GT(nmse(logits(asked), backwards), 1e-4);
}

INSTANTIATE_TEST_SUITE_P(Models, BatchOf, ::testing::Values("llama", "qwen3", "gemma2"),
                         [](const auto& model) { return std::string(model.param); });

}  // namespace
}  // namespace gantry::testing
