#include "sample/sampler.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "base/check.h"
#include "base/fmath.h"
#include "base/rng.h"
#include "base/sampler_bytes.h"
#include "sample/candidates.h"
#include "sample/softmax.h"

namespace gantry::sample {
namespace {

constexpr uint32_t kSomewhere = 1u << 31;  // in seen_: the token stands in the window, in prompt or answer

// How far below the largest (in units of scaled logit) the candidates of top-p are looked for first.
constexpr double kNucleusReach = 8;

// Candidates are sorted into buckets of scaled logit by their distance; the last takes all that is farther.
constexpr size_t kBuckets = 4096;
constexpr double kBucketsPerUnit = 128;

// Of the first 64 logits, those whose bit is not set.
void forbid(std::span<float> logits, uint64_t allowed) {
  for (size_t i = 0; i < std::min<size_t>(64, logits.size()); ++i)
    if ((allowed >> i & 1) == 0) logits[i] = -kInf;
}

}  // namespace

Sampler::Sampler(uint32_t vocab)
    : vocab_(vocab),
      candidates_(vocab),
      sorting_(vocab),
      gathered_(vocab),
      weights_(vocab),
      bucket_mass_(kBuckets),
      block_max_(blocks_of(vocab)),
      block_sums_(blocks_of(vocab)),
      raw_(vocab),
      seen_(vocab) {
  static_assert(kSamplerTokenBytes ==
                2 * sizeof(Key) + 2 * sizeof(float) + sizeof(double) + sizeof(uint32_t));
}

Pick Sampler::pick(std::span<float> logits, const PickRequest& request) {
  GANTRY_CHECK_EQ(logits.size(), size_t{vocab_});
  GANTRY_CHECK_LE(request.top_logprobs, kTopLogprobsMax);
  const SamplingParams& params = *request.params;
  Pick pick;
  max_ = scan(logits, block_max_);
  if (max_ == -kInf) {
    pick.problem = PickProblem::kNoFiniteLogits;
    return pick;
  }
  double log_sum = 0;
  if (request.logprobs) {
    std::copy(logits.begin(), logits.end(), raw_.begin());
    log_sum = double{max_} + log_f64(sum_weights(logits, max_, 1, block_sums_));
    take_top(logits, request.top_logprobs);
    pick.top_count = static_cast<uint32_t>(count_);
    for (size_t i = 0; i < count_; ++i)
      pick.top[i] = {candidate_token(candidates_[i]),
                     static_cast<float>(double{candidate_logit(candidates_[i])} - log_sum)};
  }
  if (change(logits, request)) max_ = scan(logits, block_max_);
  if (max_ == -kInf) {
    pick.problem = PickProblem::kNoneAllowed;
    return pick;
  }
  pick.token = params.temperature < kTemperatureMin
                   ? first_of_largest(logits)
                   : pick_random(logits, params, uniform_at(params.seed, request.tokens.size()));
  if (request.logprobs)
    pick.logprob = static_cast<float>(double{raw_[static_cast<size_t>(pick.token)]} - log_sum);
  return pick;
}

// Bias, what is forbidden, penalties. False when there are none.
bool Sampler::change(std::span<float> logits, const PickRequest& request) {
  const SamplingParams& params = *request.params;
  const bool penalties =
      params.repetition_penalty != 1 || params.presence_penalty != 0 || params.frequency_penalty != 0;
  for (const auto& [token, bias] : params.logit_bias) logits[static_cast<size_t>(token)] += bias;
  for (size_t i = 0; i < request.allowed.size(); ++i)
    if (request.allowed[i] != ~uint64_t{0}) forbid(logits.subspan(64 * i), request.allowed[i]);
  if (penalties) penalize(logits, request);
  return penalties || !params.logit_bias.empty() || !request.allowed.empty();
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

TokenId Sampler::first_of_largest(std::span<const float> logits) const {
  const auto block = std::find(block_max_.begin(), block_max_.end(), max_) - block_max_.begin();
  const auto from = logits.begin() + block * static_cast<std::ptrdiff_t>(kBlock);
  return static_cast<TokenId>(std::find(from, logits.end(), max_) - logits.begin());
}

TokenId Sampler::pick_random(std::span<const float> logits, const SamplingParams& params, double uniform) {
  scale_ = 1 / params.temperature;
  const bool top_k = params.top_k > 0 && params.top_k < vocab_;
  const bool typical = params.typical_p < 1, top_p = params.top_p<1, min_p = params.min_p> 0;
  if (top_k) {
    take_top(logits, params.top_k);
  } else if (typical) {
    take_above(logits, -std::numeric_limits<double>::infinity());
  } else if (top_p) {
    take_nucleus(logits, params.top_p);
  } else if (min_p) {
    take_above(logits, double{max_} + params.temperature * log_f64(params.min_p));
  } else {
    return pick_of_all(logits, uniform);
  }
  if (typical) keep_typical(params.typical_p);
  if (top_p && (top_k || typical)) keep_most_likely(weigh_candidates() * params.top_p);
  if (min_p && (top_k || typical || top_p)) keep_min_p(params.min_p);
  return pick_of_candidates(uniform);
}

// No truncation: by token id, first the block, then the token in it.
TokenId Sampler::pick_of_all(std::span<const float> logits, double uniform) {
  const double target = uniform * sum_weights(logits, max_, scale_, block_sums_);
  double below = 0;
  size_t chosen = 0;
  for (size_t b = 0; b < block_sums_.size(); ++b) {
    if (block_sums_[b] == 0) continue;
    chosen = b;
    if (below + block_sums_[b] > target) break;
    below += block_sums_[b];
  }
  const size_t first = chosen * kBlock;
  const auto block = logits.subspan(first, std::min(kBlock, logits.size() - first));
  weigh(block, max_, scale_, weights_);
  size_t token = 0;
  for (size_t i = 0; i < block.size(); ++i) {
    if (weights_[i] == 0) continue;
    token = i;
    below += weights_[i];
    if (below > target) break;
  }
  return static_cast<TokenId>(first + token);
}

TokenId Sampler::pick_of_candidates(double uniform) {
  const double target = uniform * weigh_candidates();
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
  std::sort(candidates_.begin(), candidates_.begin() + static_cast<std::ptrdiff_t>(count_));
}

// Finite logits of at least `lowest`, by token id.
void Sampler::take_above(std::span<const float> logits, double lowest) {
  count_ = 0;
  for (size_t b = 0; b < block_max_.size(); ++b) {
    if (block_max_[b] == -kInf || double{block_max_[b]} < lowest) continue;
    const size_t end = std::min(logits.size(), (b + 1) * kBlock);
    for (size_t i = b * kBlock; i < end; ++i) {  // no branch: it would be guessed wrong too often
      candidates_[count_] = candidate_key(logits[i], i);
      count_ += static_cast<size_t>(logits[i] > -kInf) & static_cast<size_t>(double{logits[i]} >= lowest);
    }
  }
}

// The smallest set of most likely tokens that has the share top_p of all mass. Mostly that is found near the
// top.
void Sampler::take_nucleus(std::span<const float> logits, double top_p) {
  const double wanted = top_p * sum_weights(logits, max_, scale_, block_sums_);
  take_above(logits, double{max_} - kNucleusReach / scale_);
  if (weigh_candidates() < wanted * (1 + 1e-9)) {
    take_above(logits, -std::numeric_limits<double>::infinity());
    weigh_candidates();
  }
  keep_most_likely(wanted);
}

// The smallest set whose surprise is nearest to the expected one and that has the share typical_p.
void Sampler::keep_typical(double typical_p) {
  const double mass = weigh_candidates();
  double weighted = 0;
  for (size_t i = 0; i < count_; ++i)
    if (weights_[i] > 0) weighted += weights_[i] * scaled(candidates_[i]);
  const double expected = weighted / mass;  // of the scaled logit: the entropy up to a constant
  const auto distance = [&](Key key) { return std::abs(scaled(key) - expected); };
  keep_nearest(typical_p * mass, distance, [&](Key a, Key b) {
    const double x = distance(a), y = distance(b);
    return x != y ? x < y : candidate_token(a) < candidate_token(b);
  });
}

void Sampler::keep_most_likely(double wanted) {
  keep_nearest(
      wanted, [&](Key key) { return -scaled(key); }, std::less<Key>());
}

// Keeps the smallest set of the nearest candidates that weighs `wanted`; at least one, all if they weigh
// less. `order` sorts by distance and breaks ties. Only the candidates about as far away as the last one kept
// are sorted: those nearer come first, as they stand. weights_ must be set, and are stale afterwards.
template <typename Distance, typename Order>
void Sampler::keep_nearest(double wanted, const Distance& distance, const Order& order) {
  const auto bucket_of = [&](Key key) {
    const double bucket = distance(key) * kBucketsPerUnit;
    return bucket < kBuckets - 1 ? static_cast<size_t>(bucket) : kBuckets - 1;
  };
  std::fill(bucket_mass_.begin(), bucket_mass_.end(), 0.0);
  for (size_t i = 0; i < count_; ++i) bucket_mass_[bucket_of(candidates_[i])] += weights_[i];
  size_t last = 0;
  double mass = 0;
  const auto enough = [&](double sum) { return sum >= wanted && sum > 0; };
  while (last < kBuckets - 1 && !enough(mass + bucket_mass_[last])) mass += bucket_mass_[last++];

  size_t kept = 0, edge = 0;
  for (size_t i = 0; i < count_; ++i) {
    const Key key = candidates_[i];
    const size_t bucket = bucket_of(key);
    candidates_[kept] = key;
    kept += bucket < last ? 1u : 0u;
    sorting_[edge] = key;
    edge += bucket == last ? 1u : 0u;
  }
  std::sort(sorting_.begin(), sorting_.begin() + static_cast<std::ptrdiff_t>(edge), order);
  const size_t nearer = kept;
  std::copy_n(sorting_.begin(), edge, candidates_.begin() + static_cast<std::ptrdiff_t>(nearer));
  count_ = nearer + edge;
  weigh_candidates();
  while (kept < count_ && !enough(mass)) mass += weights_[kept++];
  count_ = kept;
}

void Sampler::keep_min_p(double min_p) {
  weigh_candidates();
  const double lowest =
      min_p * *std::max_element(weights_.begin(), weights_.begin() + static_cast<std::ptrdiff_t>(count_));
  size_t kept = 0;
  for (size_t i = 0; i < count_; ++i)
    if (weights_[i] >= lowest) candidates_[kept++] = candidates_[i];
  count_ = kept;
}

double Sampler::weigh_candidates() {
  for (size_t i = 0; i < count_; ++i) gathered_[i] = candidate_logit(candidates_[i]);
  weigh(std::span(gathered_).first(count_), max_, scale_, std::span(weights_).first(count_));
  double mass = 0;
  for (size_t i = 0; i < count_; ++i) mass += weights_[i];
  return mass;
}

double Sampler::scaled(Key candidate) const {
  return (double{candidate_logit(candidate)} - double{max_}) * scale_;
}

}  // namespace gantry::sample
