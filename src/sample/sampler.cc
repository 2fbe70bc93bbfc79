#include "sample/sampler.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "base/fmath.h"
#include "base/rng.h"
#include "sample/candidates.h"
#include "sample/softmax.h"

namespace gantry::sample {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr uint32_t kSomewhere = 1u << 31;  // in seen_: the token stands in the window, in prompt or answer

// How far below the largest (in units of scaled logit) the candidates of top-p are looked for, one after the
// other until their mass suffices.
constexpr std::array kNucleusReach = {6.0, 12.0, 24.0, std::numeric_limits<double>::infinity()};

}  // namespace

Sampler::Sampler(uint32_t vocab)
    : vocab_(vocab),
      candidates_(vocab),
      sorting_(vocab),
      gathered_(vocab),
      weights_(vocab),
      block_max_(blocks_of(vocab)),
      block_sums_(blocks_of(vocab)),
      raw_(vocab),
      seen_(vocab) {}

Pick Sampler::pick(std::span<float> logits, const PickRequest& request) {
  GANTRY_CHECK_EQ(logits.size(), size_t{vocab_});
  GANTRY_CHECK_LE(request.top_logprobs, kTopLogprobsMax);
  const SamplingParams& params = *request.params;
  Pick pick;
  float max = scan(logits, block_max_);
  if (max == -kInf) {
    pick.problem = PickProblem::kNoFiniteLogits;
    return pick;
  }
  double log_sum = 0;
  if (request.logprobs) {
    std::copy(logits.begin(), logits.end(), raw_.begin());
    log_sum = double{max} + log_f64(sum_weights(logits, max, 1, block_sums_));
    take_top(logits, request.top_logprobs);
    pick.top_count = static_cast<uint32_t>(count_);
    for (size_t i = 0; i < count_; ++i)
      pick.top[i] = {candidate_token(candidates_[i]),
                     static_cast<float>(double{candidate_logit(candidates_[i])} - log_sum)};
  }
  if (change(logits, request)) max = scan(logits, block_max_);
  if (max == -kInf) {
    pick.problem = PickProblem::kNoneAllowed;
    return pick;
  }
  pick.token = params.temperature < kTemperatureMin
                   ? first_of_largest(logits, max)
                   : pick_random(logits, max, params, uniform_at(params.seed, request.tokens.size()));
  if (request.logprobs)
    pick.logprob = static_cast<float>(double{raw_[static_cast<size_t>(pick.token)]} - log_sum);
  return pick;
}

// Bias, stages, penalties. False when there are none.
bool Sampler::change(std::span<float> logits, const PickRequest& request) {
  const SamplingParams& params = *request.params;
  const bool penalties =
      params.repetition_penalty != 1 || params.presence_penalty != 0 || params.frequency_penalty != 0;
  for (const auto& [token, bias] : params.logit_bias) logits[static_cast<size_t>(token)] += bias;
  for (const auto& stage : request.stages) stage->apply(logits);
  if (penalties) penalize(logits, request);
  return penalties || !params.logit_bias.empty() || !request.stages.empty();
}

void Sampler::penalize(std::span<float> logits, const PickRequest& request) {
  const SamplingParams& params = *request.params;
  const size_t tokens = request.tokens.size();
  size_t first = params.penalty_window == 0 ? 0 : tokens - std::min<size_t>(tokens, params.penalty_window);
  if (params.repetition_penalty == 1) first = std::max(first, request.prompt_tokens);
  for (size_t i = first; i < tokens; ++i) {
    uint32_t& seen = seen_[static_cast<size_t>(request.tokens[i])];
    seen = (seen | kSomewhere) + (i >= request.prompt_tokens ? 1 : 0);
  }
  for (size_t i = first; i < tokens; ++i) {
    const auto token = static_cast<size_t>(request.tokens[i]);
    const uint32_t seen = seen_[token];
    if (seen == 0) continue;
    seen_[token] = 0;
    double x = logits[token];
    x = x > 0 ? x / params.repetition_penalty : x * params.repetition_penalty;
    const uint32_t times = seen & ~kSomewhere;
    if (times > 0) x -= params.presence_penalty + params.frequency_penalty * times;
    logits[token] = static_cast<float>(x);
  }
}

TokenId Sampler::first_of_largest(std::span<const float> logits, float max) const {
  const auto block = std::find(block_max_.begin(), block_max_.end(), max) - block_max_.begin();
  const auto from = logits.begin() + block * static_cast<std::ptrdiff_t>(kBlock);
  return static_cast<TokenId>(std::find(from, logits.end(), max) - logits.begin());
}

TokenId Sampler::pick_random(std::span<const float> logits, float max, const SamplingParams& params,
                             double uniform) {
  const double scale = 1 / params.temperature;
  const bool top_k = params.top_k > 0 && params.top_k < vocab_;
  const bool typical = params.typical_p < 1, top_p = params.top_p<1, min_p = params.min_p> 0;
  if (top_k) {
    take_top(logits, params.top_k);
  } else if (typical) {
    take_above(logits, -std::numeric_limits<double>::infinity());
  } else if (top_p) {
    take_nucleus(logits, max, scale, params.top_p);
  } else if (min_p) {
    take_above(logits, double{max} + params.temperature * log_f64(params.min_p));
  } else {
    return pick_of_all(logits, max, scale, uniform);
  }
  if (typical) keep_typical(logits, max, scale, params.typical_p);
  weigh_candidates(max, scale);
  if (top_p && (top_k || typical)) {
    double mass = 0;
    for (size_t i = 0; i < count_; ++i) mass += weights_[i];
    keep_mass(mass * params.top_p);
  }
  if (min_p && (top_k || typical || top_p)) keep_min_p(params.min_p);
  return pick_of_candidates(uniform);
}

// No truncation: by token id, first the block, then the token in it.
TokenId Sampler::pick_of_all(std::span<const float> logits, float max, double scale, double uniform) {
  const double target = uniform * sum_weights(logits, max, scale, block_sums_);
  double below = 0;
  size_t chosen = 0;
  for (size_t b = 0; b < block_sums_.size(); ++b) {
    if (block_sums_[b] == 0) continue;
    chosen = b;
    if (below + block_sums_[b] > target) break;
    if (b + 1 < block_sums_.size()) below += block_sums_[b];
  }
  const size_t first = chosen * kBlock;
  const auto block = logits.subspan(first, std::min(kBlock, logits.size() - first));
  weigh(block, max, scale, weights_);
  size_t token = 0;
  for (size_t i = 0; i < block.size(); ++i) {
    if (weights_[i] == 0) continue;
    token = i;
    below += weights_[i];
    if (below > target) break;
  }
  return static_cast<TokenId>(first + token);
}

TokenId Sampler::pick_of_candidates(double uniform) const {
  double mass = 0;
  for (size_t i = 0; i < count_; ++i) mass += weights_[i];
  const double target = uniform * mass;
  double below = 0;
  size_t chosen = 0;
  for (size_t i = 0; i < count_; ++i) {
    if (weights_[i] == 0) continue;
    chosen = i;
    below += weights_[i];
    if (below > target) break;
  }
  return candidate_token(candidates_[chosen]);
}

// The `count` largest finite logits, sorted.
void Sampler::take_top(std::span<const float> logits, size_t count) {
  count_ = 0;
  if (count == 0) return;
  const size_t room = std::min<size_t>(vocab_, 2 * count + kBlock);
  Key worst = candidate_key(-kInf, 0);  // keys from here on are not wanted
  for (size_t b = 0; b < block_max_.size(); ++b) {
    if (candidate_key(block_max_[b], b * kBlock) >= worst) continue;
    const size_t end = std::min(logits.size(), (b + 1) * kBlock);
    for (size_t i = b * kBlock; i < end; ++i) {
      const Key key = candidate_key(logits[i], i);
      if (key >= worst) continue;
      candidates_[count_++] = key;
      if (count_ < room || count_ <= count) continue;
      const auto nth = candidates_.begin() + static_cast<std::ptrdiff_t>(count - 1);
      std::nth_element(candidates_.begin(), nth, candidates_.begin() + static_cast<std::ptrdiff_t>(count_));
      count_ = count;
      worst = *nth;
    }
  }
  const auto end = candidates_.begin() + static_cast<std::ptrdiff_t>(count_);
  if (count_ > count)
    std::nth_element(candidates_.begin(), candidates_.begin() + static_cast<std::ptrdiff_t>(count - 1), end);
  count_ = std::min(count_, count);
  sort_keys(std::span(candidates_).first(count_), sorting_);
}

// Finite logits of at least `lowest`, by token id.
void Sampler::take_above(std::span<const float> logits, double lowest) {
  count_ = 0;
  for (size_t b = 0; b < block_max_.size(); ++b) {
    if (block_max_[b] == -kInf || double{block_max_[b]} < lowest) continue;
    const size_t end = std::min(logits.size(), (b + 1) * kBlock);
    for (size_t i = b * kBlock; i < end; ++i)
      if (logits[i] > -kInf && double{logits[i]} >= lowest)
        candidates_[count_++] = candidate_key(logits[i], i);
  }
}

// The smallest set of most likely tokens that has the share top_p of all mass, sorted.
void Sampler::take_nucleus(std::span<const float> logits, float max, double scale, double top_p) {
  const double wanted = top_p * sum_weights(logits, max, scale, block_sums_);
  for (const double reach : kNucleusReach) {
    take_above(logits, double{max} - reach / scale);
    weigh_candidates(max, scale);
    double mass = 0;
    for (size_t i = 0; i < count_; ++i) mass += weights_[i];
    if (mass >= wanted * (1 + 1e-9)) break;
  }
  sort_keys(std::span(candidates_).first(count_), sorting_);
  weigh_candidates(max, scale);
  keep_mass(wanted);
}

// The smallest set whose surprise is nearest to the expected one and that has the share typical_p, sorted.
void Sampler::keep_typical(std::span<const float> logits, float max, double scale, double typical_p) {
  weigh_candidates(max, scale);
  double mass = 0, weighted = 0;
  for (size_t i = 0; i < count_; ++i) {
    mass += weights_[i];
    if (weights_[i] > 0)
      weighted += weights_[i] * ((double{candidate_logit(candidates_[i])} - double{max}) * scale);
  }
  const double expected = weighted / mass;  // of the scaled logit: entropy up to a constant
  for (size_t i = 0; i < count_; ++i) {
    const double scaled = (double{candidate_logit(candidates_[i])} - double{max}) * scale;
    const auto distance = static_cast<float>(std::abs(scaled - expected));
    candidates_[i] =
        uint64_t{std::bit_cast<uint32_t>(distance)} << 32 | static_cast<uint32_t>(candidates_[i]);
  }
  sort_keys(std::span(candidates_).first(count_), sorting_);
  for (size_t i = 0; i < count_; ++i) {
    const auto token = static_cast<size_t>(candidate_token(candidates_[i]));
    candidates_[i] = candidate_key(logits[token], token);
  }
  weigh_candidates(max, scale);
  keep_mass(typical_p * mass);
  sort_keys(std::span(candidates_).first(count_), sorting_);
}

// The first candidates that together weigh `mass`; at least one.
void Sampler::keep_mass(double mass) {
  double sum = 0;
  for (size_t i = 0; i < count_; ++i) {
    sum += weights_[i];
    if (sum < mass) continue;
    count_ = i + 1;
    return;
  }
}

void Sampler::keep_min_p(double min_p) {
  size_t kept = 1;
  while (kept < count_ && weights_[kept] >= min_p * weights_[0]) ++kept;
  count_ = kept;
}

void Sampler::weigh_candidates(float max, double scale) {
  for (size_t i = 0; i < count_; ++i) gathered_[i] = candidate_logit(candidates_[i]);
  weigh(std::span(gathered_).first(count_), max, scale, std::span(weights_).first(count_));
}

}  // namespace gantry::sample
