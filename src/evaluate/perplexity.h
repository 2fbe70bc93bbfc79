// Perplexity of a model on a text, and its divergence from a second model. For each scored token, loss = -log
// of the probability that the model gave it (nats, softmax over the whole vocabulary, double precision);
// perplexity = e^(mean loss), its error e^(mean) times the standard error of the mean (first order; tokens
// taken as independent). One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "evaluate/windows.h"
#include "fleet/probe.h"

namespace gantry::evaluate {

struct Perplexity {
  double loss = 0, loss_error = 0;  // mean, nats
  double value = 0, error = 0;      // perplexity
};

// Of P, the second model's distribution (the truth), from Q, the first one's: sum P log(P / Q) at each scored
// token, nats.
struct Divergence {
  Perplexity truth;  // of the second model on the same tokens
  double mean = 0, mean_error = 0, median = 0, p99 = 0, greatest = 0;
  double same_first = 0;  // share of tokens where both find the same token likeliest, 0..1
  double loss_more = 0, loss_more_error = 0;  // first model's loss minus the second one's, mean
};

struct Report {
  Cut cut;
  uint64_t tokens = 0;  // of the text
  Perplexity perplexity;
  std::optional<Divergence> divergence;
  std::vector<double> losses;  // of each scored token, in the order of the text
};

// After each window: how many are done, perplexity so far. What it throws ends the work.
using WindowDone = std::function<void(uint32_t windows, double perplexity)>;

// `tokens`: of the text, with BOS at its beginning where `bos` is given. `truth`: nullptr, or a model of the
// same vocabulary. Error kInvalidRequest: vocabularies of different sizes, a window longer than a context;
// kBadFile: logits that are no numbers.
Report measure(fleet::Probe& model, fleet::Probe* truth, std::span<const TokenId> tokens, const Cut& cut,
               TokenId bos, const WindowDone& window_done = {});

}  // namespace gantry::evaluate
