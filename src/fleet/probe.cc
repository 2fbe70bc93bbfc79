#include "fleet/probe.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include <fmt/format.h>

#include "base/check.h"
#include "base/error.h"
#include "fleet/opened_model.h"
#include "model/loaded_model.h"
#include "model/transformer.h"

namespace gantry::fleet {
namespace {

LoadSettings alone(LoadSettings settings) {
  settings.sequences = 1;
  settings.checkpoints = 0;
  settings.host_cache_bytes = 0;
  return settings;
}

class OpenedProbe final : public Probe {
 public:
  OpenedProbe(const DevicePool& pool, const LoadSettings& settings, const Progress& progress)
      : pre_split_(settings.pre_split_override),
        opened_(open_model(pool, alone(settings), true)),
        loan_(pool.lend(id_of(settings), opened_.plan)),
        loaded_(model::LoadedModel::load(*opened_.blueprint, *opened_.file, opened_.plan, *opened_.device,
                                         told_as_fractions(progress))),
        runner_(model::make_transformer(*opened_.blueprint, *loaded_, *opened_.device)),
        pages_(opened_.plan.limits.pages_max) {
    loan_.settle();
    std::iota(pages_.begin(), pages_.end(), PageId{0});
  }

  uint32_t vocab() const override { return opened_.blueprint->vocab; }
  uint32_t context() const override { return opened_.plan.limits.context; }
  uint32_t slice() const override { return opened_.plan.limits.step_rows; }
  std::unique_ptr<tokenizer::Tokenizer> read_tokenizer() const override {
    return gguf::read_whole(*opened_.file, [this] {
      return tokenizer::Tokenizer::from_gguf(opened_.file->metadata(), pre_split_);
    });
  }

  std::span<float> compute(std::span<const TokenId> tokens, uint32_t first, uint32_t wanted_from) override {
    GANTRY_CHECK(!tokens.empty() && tokens.size() <= slice());
    check(tokens, first);
    const size_t rows = tokens.size();
    const size_t skipped = std::min<size_t>(rows, wanted_from > first ? wanted_from - first : 0);
    positions_.resize(rows);
    std::iota(positions_.begin(), positions_.end(), static_cast<int32_t>(first));
    wanted_.resize(rows - skipped);
    std::iota(wanted_.begin(), wanted_.end(), static_cast<int32_t>(skipped));
    sequences_.assign(rows, 0);
    return runner_
        ->step({.tokens = tokens,
                .positions = positions_,
                .sequences = sequences_,
                .page_tables = pages_,
                .logit_rows = wanted_})
        .logits;
  }

 private:
  void check(std::span<const TokenId> tokens, uint32_t first) const {
    if (first + tokens.size() > context())
      throw Error(ErrorCode::kTooLarge,
                  fmt::format("{} tokens, the context holds {}", first + tokens.size(), context()));
    for (const TokenId token : tokens)
      if (token < 0 || static_cast<uint32_t>(token) >= vocab())
        throw Error(ErrorCode::kInvalidRequest,
                    fmt::format("token {} is not in the vocabulary of {}", token, vocab()));
  }

  const std::string pre_split_;
  const OpenedModel opened_;
  Loan loan_;
  const std::unique_ptr<model::LoadedModel> loaded_;
  const std::unique_ptr<model::Runner> runner_;
  std::vector<PageId> pages_;
  std::vector<int32_t> positions_, sequences_, wanted_;
};

}  // namespace

std::unique_ptr<Probe> Probe::open(const DevicePool& pool, const LoadSettings& settings,
                                   const Progress& progress) {
  return std::make_unique<OpenedProbe>(pool, settings, progress);
}

}  // namespace gantry::fleet
