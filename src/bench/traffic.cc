#include "bench/traffic.h"

#include <algorithm>
#include <cmath>

#include "base/rng.h"
#include "bench/words.h"

namespace gantry::bench {
namespace {

// What is drawn for a turn, each from a stream of its own.
enum Drawn : uint32_t { kWhich, kGroup, kTurns, kPrompt, kNew, kLeaves, kLeavesAfter, kDrawn };

uint32_t words_of(double tokens, const Measure& measure) {
  return static_cast<uint32_t>(
      std::clamp(std::round(tokens * measure.words_per_token), 1.0, double{kMixTokensMax}));
}

void put_extra(Json& body, const Json& extra) {
  for (const auto& [key, value] : extra.items()) {
    if (value.is_null())
      body.erase(key);
    else
      body[key] = value;
  }
}

}  // namespace

double Traffic::draw(uint64_t conversation, uint32_t turn, uint32_t what) const {
  return uniform_at(seed_, conversation, turn * (2 * kDrawn) + what);
}

const Kind& Traffic::kind(uint64_t conversation) const {
  double weights = 0;
  for (const Kind& kind : mix_.kinds) weights += kind.weight;
  double place = draw(conversation, 0, kWhich) * weights;
  const Kind* last = nullptr;
  for (const Kind& kind : mix_.kinds) {
    if (kind.weight == 0) continue;
    last = &kind;
    if (place < kind.weight) break;
    place -= kind.weight;
  }
  return *last;
}

uint32_t Traffic::turns(uint64_t conversation) const {
  return kind(conversation).turns.draw(draw(conversation, 0, kTurns), draw(conversation, 0, kDrawn + kTurns));
}

Ask Traffic::ask(uint64_t conversation, uint32_t turn, const Measure& measure) const {
  const Kind& kind = this->kind(conversation);
  const auto drawn = [&](const Range& range, uint32_t what) {
    return range.draw(draw(conversation, turn, what), draw(conversation, turn, kDrawn + what));
  };
  Ask out;
  const double own = drawn(kind.prompt, kPrompt) - (turn == 0 ? measure.frame : 0);
  out.text = random_words(mixed(seed_, conversation, turn + 1), words_of(own, measure));
  if (turn == 0 && kind.shared > 0) {
    const auto group = static_cast<uint64_t>(draw(conversation, 0, kGroup) * kind.groups);
    const auto which = static_cast<uint64_t>(&kind - mix_.kinds.data());
    out.text = random_words(mixed(seed_, ~group, ~which), words_of(kind.shared, measure)) + " " + out.text;
  }
  out.new_tokens = drawn(kind.new_tokens, kNew);
  if (draw(conversation, turn, kLeaves) < kind.cancel)
    out.cancel_after = drawn(kind.cancel_after, kLeavesAfter);
  return out;
}

std::string body_of(const Form& form, const Said& said, const Ask& ask, double temperature) {
  Json body = Json::object();
  body["model"] = form.model;
  if (form.api == Api::kChat) {
    Json messages = Json::array();
    for (const auto& [asked, answered] : said) {
      messages.push_back(Json::object({{"role", "user"}, {"content", asked}}));
      messages.push_back(Json::object({{"role", "assistant"}, {"content", answered}}));
    }
    messages.push_back(Json::object({{"role", "user"}, {"content", ask.text}}));
    body["messages"] = std::move(messages);
  } else {
    std::string prompt;
    for (const auto& [asked, answered] : said) prompt += asked + answered + " ";
    body["prompt"] = prompt + ask.text;
  }
  body["max_tokens"] = ask.new_tokens;
  body["temperature"] = temperature;
  body["stream"] = true;
  if (form.asks_usage) body["stream_options"] = Json::object({{"include_usage", true}});
  if (form.ignore_eos) body["ignore_eos"] = true;
  put_extra(body, form.extra);
  return body.dump();
}

}  // namespace gantry::bench
