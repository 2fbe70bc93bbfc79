// Logits of one position -> the token. A pure function of logits, parameters, the tokens before and those
// allowed: the random number is that of (seed, position), equal logits are taken by rising token id (contract
// E4).
//
// Owns scratch for one vocabulary, allocated at construction; a pick allocates nothing. One thread. Cost: a
// scan of the logits; sorting touches only what can be picked.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/ids.h"
#include "sample/params.h"

namespace gantry::sample {

struct TokenLogprob {
  TokenId token = kNoToken;
  float logprob = 0;  // natural log of the probability under the model (temperature 1, before any change)
};

// What a pick needs to know besides the logits.
struct PickRequest {
  const SamplingParams* params = nullptr;  // validated
  std::span<const TokenId> tokens;         // prompt and answer so far, each in the vocabulary
  size_t prompt_tokens = 0;                // how many of them are the prompt
  std::span<const uint64_t> allowed;  // bits of the tokens that may be picked (logit_stage.h); empty: all
  bool logprobs = false;
  uint32_t top_logprobs = 0;  // at most kTopLogprobsMax
};

enum class PickProblem : uint8_t {
  kNone,
  kNoFiniteLogits,  // the model's: all are NaN or -inf
  kNoneAllowed,     // the request's: bias and grammar forbid every token
};

struct Pick {
  TokenId token = kNoToken;  // kNoToken: `problem` says why
  PickProblem problem = PickProblem::kNone;
  float logprob = 0;
  uint32_t top_count = 0;
  std::array<TokenLogprob, kTopLogprobsMax> top;  // the most likely, best first
};

class Sampler {
 public:
  explicit Sampler(uint32_t vocab);

  // logits: [vocab], changed in place.
  Pick pick(std::span<float> logits, const PickRequest& request);

 private:
  using Key = uint64_t;  // sorts by falling logit, then rising token id

  bool change(std::span<float> logits, const PickRequest& request);
  void penalize(std::span<float> logits, const PickRequest& request);
  TokenId first_of_largest(std::span<const float> logits) const;
  TokenId pick_random(std::span<const float> logits, const SamplingParams& params, double uniform);
  TokenId pick_of_all(std::span<const float> logits, double uniform);
  TokenId pick_of_candidates(double uniform);

  // Each fills or narrows candidates_.
  void take_top(std::span<const float> logits, size_t count);
  void take_above(std::span<const float> logits, double lowest);
  void take_nucleus(std::span<const float> logits, double top_p);
  void keep_typical(double typical_p);
  template <typename Distance, typename Order>
  void keep_nearest(double wanted, const Distance& distance, const Order& order);
  void keep_most_likely(double wanted);
  void keep_min_p(double min_p);

  // Sets weights_ of the candidates and returns their sum.
  double weigh_candidates();
  double scaled(Key candidate) const;

  const uint32_t vocab_;
  float max_ = 0;                    // the largest logit of this pick
  double scale_ = 1;                 // 1 / temperature of this pick
  size_t count_ = 0;                 // candidates
  std::vector<Key> candidates_;      // [vocab]
  std::vector<Key> sorting_;         // [vocab]
  std::vector<float> gathered_;      // [vocab] logits of the candidates
  std::vector<double> weights_;      // [vocab] of the candidates
  std::vector<double> bucket_mass_;  // [kBuckets]
  std::vector<float> block_max_;     // [blocks]
  std::vector<double> block_sums_;   // [blocks]
  std::vector<float> raw_;           // [vocab] the model's logits, when logprobs are wanted
  std::vector<uint32_t> seen_;       // [vocab] penalties: times in the answer, and a bit for "somewhere"
};

}  // namespace gantry::sample
