#include <algorithm>
#include <numeric>
#include <ostream>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "fleet/live_model.h"
#include "fleet/opened_model.h"
#include "model/loaded_model.h"
#include "model/transformer.h"

namespace gantry::fleet {

void debug_logits(const device::Registry& registry, const LoadSettings& settings,
                  std::span<const TokenId> tokens, uint32_t slice, std::ostream& out) {
  if (tokens.empty()) throw Error(ErrorCode::kUsage, "no tokens to compute", "--tokens");
  LoadSettings alone = settings;
  alone.sequences = 1;
  alone.checkpoints = 0;
  if (slice != 0) alone.step_rows = slice;
  const OpenedModel opened = open_model(registry, alone, true);
  const plan::Limits& limits = opened.plan.limits;
  const uint32_t vocab = opened.blueprint->vocab;
  if (tokens.size() > limits.context) {
    throw Error(ErrorCode::kTooLarge,
                fmt::format("{} tokens, the context holds {}", tokens.size(), limits.context), "--tokens");
  }
  for (const TokenId token : tokens) {
    if (token < 0 || static_cast<uint32_t>(token) >= vocab) {
      throw Error(ErrorCode::kInvalidRequest,
                  fmt::format("token {} is not in the vocabulary of {}", token, vocab), "--tokens");
    }
  }
  const auto loaded = model::LoadedModel::load(*opened.blueprint, *opened.file, opened.plan, *opened.device);
  const auto runner = model::make_transformer(*opened.blueprint, *loaded, *opened.device);

  std::vector<PageId> pages(limits.pages_max);
  std::iota(pages.begin(), pages.end(), PageId{0});
  std::vector<float> logits(size_t{limits.logit_rows} * vocab);
  for (size_t from = 0; from < tokens.size(); from += limits.step_rows) {
    const size_t rows = std::min<size_t>(limits.step_rows, tokens.size() - from);
    std::vector<int32_t> positions(rows), wanted(rows);
    std::iota(positions.begin(), positions.end(), static_cast<int32_t>(from));
    std::iota(wanted.begin(), wanted.end(), 0);
    const std::vector<int32_t> sequences(rows, 0);
    runner->step({tokens.subspan(from, rows), positions, sequences, pages, wanted}, logits);
    const auto bytes = std::as_bytes(std::span(logits).first(rows * vocab));
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
}

}  // namespace gantry::fleet
