#include "evaluate/perplexity.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/check.h"
#include "base/error.h"
#include "base/fmath.h"
#include "evaluate/statistics.h"
#include "sample/softmax.h"

namespace gantry::evaluate {
namespace {

// One row of logits as a distribution. Scratch is kept from row to row.
class Row {
 public:
  // Error kBadFile where the logits are no numbers. `logits` may be changed.
  void read(std::span<float> logits, uint64_t token) {
    for (const float logit : logits)
      if (!std::isfinite(logit))
        throw Error(
            ErrorCode::kBadFile, fmt::format("a logit of token {} of the text is {}", token, logit), "",
            "the model's weights are damaged, or its numbers are too large for this type of KV cache");
    logits_ = logits;
    block_max_.resize(sample::blocks_of(logits.size()));
    weights_.resize(logits.size());
    most_ = sample::scan(logits, block_max_);
    sample::weigh(logits, most_, 1.0, weights_);
    sum_ = 0;
    for (const double weight : weights_) sum_ += weight;
    log_sum_ = log_f64(sum_);
  }
  // The log of a token's probability.
  double log_of(size_t token) const {
    return static_cast<double>(logits_[token]) - static_cast<double>(most_) - log_sum_;
  }
  double probability(size_t token) const { return weights_[token] / sum_; }
  size_t first() const {  // the likeliest token; of equal ones the lowest id
    return static_cast<size_t>(std::max_element(logits_.begin(), logits_.end()) - logits_.begin());
  }
  size_t size() const { return logits_.size(); }

 private:
  std::span<const float> logits_;
  std::vector<float> block_max_;
  std::vector<double> weights_;
  float most_ = 0;
  double sum_ = 0, log_sum_ = 0;
};

// Rounding may leave a sum just below zero; the divergence of two distributions is never negative.
double divergence_of(const Row& truth, const Row& model) {
  double sum = 0;
  for (size_t i = 0; i < truth.size(); ++i) sum += truth.probability(i) * (truth.log_of(i) - model.log_of(i));
  return std::max(sum, 0.0);
}

Perplexity perplexity_of(const Sample& losses) {
  Perplexity out;
  out.loss = losses.mean();
  out.loss_error = losses.standard_error();
  out.value = exp_f64(out.loss);
  out.error = out.value * out.loss_error;
  return out;
}

class Measurement {
 public:
  Measurement(fleet::Probe& model, fleet::Probe* truth, const Cut& cut)
      : model_(model),
        truth_(truth),
        cut_(cut),
        slice_(truth == nullptr ? model.slice() : std::min(model.slice(), truth->slice())) {}

  void window(std::span<const TokenId> tokens, uint64_t first_token) {
    // The logits of a position predict the next one.
    const uint32_t wanted_from = cut_.first_scored - 1;
    for (uint32_t from = 0; from < cut_.length; from += slice_) {
      const uint32_t rows = std::min(slice_, cut_.length - from);
      const auto part = tokens.subspan(from, rows);
      const std::span<float> logits = model_.compute(part, from, wanted_from);
      const std::span<float> other =
          truth_ == nullptr ? std::span<float>() : truth_->compute(part, from, wanted_from);
      for (uint32_t at = std::max(from, wanted_from); at < from + rows && at + 1 < cut_.length; ++at) {
        const size_t row = at - std::max(from, wanted_from);
        score(row_of(logits, row), row_of(other, row), static_cast<size_t>(tokens[at + 1]),
              first_token + at + 1);
      }
    }
  }

  double loss() const { return losses_.mean(); }

  void report(Report& out) const {
    out.perplexity = perplexity_of(losses_);
    out.losses = all_losses_;
    if (truth_ == nullptr) return;
    Divergence& d = out.divergence.emplace();
    d.truth = perplexity_of(truth_losses_);
    d.mean = divergences_.mean();
    d.mean_error = divergences_.standard_error();
    d.median = divergences_.quantile(0.5);
    d.p99 = divergences_.quantile(0.99);
    d.greatest = divergences_.greatest();
    d.same_first = static_cast<double>(same_) / static_cast<double>(divergences_.count());
    d.loss_more = more_.mean();
    d.loss_more_error = more_.standard_error();
  }

 private:
  std::span<float> row_of(std::span<float> logits, size_t row) const {
    return logits.empty() ? logits : logits.subspan(row * model_.vocab(), model_.vocab());
  }

  void score(std::span<float> logits, std::span<float> other, size_t token, uint64_t place) {
    row_.read(logits, place);
    const double loss = -row_.log_of(token);
    losses_.add(loss);
    all_losses_.push_back(loss);
    if (truth_ == nullptr) return;
    truth_row_.read(other, place);
    const double truth_loss = -truth_row_.log_of(token);
    truth_losses_.add(truth_loss);
    more_.add(loss - truth_loss);
    divergences_.add(divergence_of(truth_row_, row_));
    if (row_.first() == truth_row_.first()) ++same_;
  }

  fleet::Probe& model_;
  fleet::Probe* truth_;
  const Cut cut_;
  const uint32_t slice_;
  Row row_, truth_row_;
  Sample losses_, truth_losses_, more_, divergences_;
  std::vector<double> all_losses_;
  uint64_t same_ = 0;
};

void check(const fleet::Probe& model, const fleet::Probe* truth, const Cut& cut) {
  if (truth != nullptr && truth->vocab() != model.vocab())
    throw Error(ErrorCode::kInvalidRequest,
                fmt::format("one model knows {} tokens, the other {}", model.vocab(), truth->vocab()),
                "against", "only models of one vocabulary can be compared");
  const uint32_t context = truth == nullptr ? model.context() : std::min(model.context(), truth->context());
  if (cut.length > context)
    throw Error(ErrorCode::kInvalidRequest,
                fmt::format("a window has {} tokens, the context holds {}", cut.length, context), "context");
}

}  // namespace

Report measure(fleet::Probe& model, fleet::Probe* truth, std::span<const TokenId> tokens, const Cut& cut,
               TokenId bos, const WindowDone& window_done) {
  check(model, truth, cut);
  GANTRY_CHECK_LE(uint64_t{cut.windows} * cut.length, tokens.size());
  Measurement measurement(model, truth, cut);
  for (uint32_t i = 0; i < cut.windows; ++i) {
    measurement.window(window_of(tokens, cut, i, bos), uint64_t{i} * cut.length);
    if (window_done) window_done(i + 1, exp_f64(measurement.loss()));
  }
  Report out;
  out.cut = cut;
  out.tokens = tokens.size();
  measurement.report(out);
  return out;
}

}  // namespace gantry::evaluate
