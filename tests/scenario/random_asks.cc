#include "tests/scenario/random_asks.h"

#include "base/rng.h"

namespace gantry::testing {
namespace {

constexpr uint32_t kBeginnings = 3;  // that prompts share

}  // namespace

Ask AskMaker::ask() { return made(chance(0.5)); }

Ask AskMaker::endless() {
  Ask out = made(false);
  Body body = Body::parse(out.body);
  body["max_tokens"] = facts_.tokens_max;
  body["ignore_eos"] = true;
  body["stream"] = true;
  body.erase("stop");
  body.erase("best_of");
  body["n"] = 1 + below(2);
  body["prompt"] = beginning() + ending();
  out.body = body.dump();
  return out;
}

Ask AskMaker::made(bool chat) {
  Body body = {{"model", facts_.model}};
  if (chance(0.5)) body["stream"] = true;
  if (chance(0.3)) body["stream_options"] = {{"include_usage", chance(0.8)}};
  if (chance(0.3)) body["n"] = 1 + below(4);
  say_picks(body);
  say_ends(body);
  say_length(body, chat);
  if (chat)
    say_chat(body);
  else
    say_completion(body);
  return {chat ? "/v1/chat/completions" : "/v1/completions", body.dump()};
}

// One of a few texts, cut somewhere.
std::string AskMaker::beginning() {
  const uint32_t which = below(kBeginnings), most = facts_.characters;
  const uint32_t length = chance(0.5) ? most * 3 / 4 : below(most);
  std::string out;
  for (uint32_t i = 0; i < length; ++i) {
    const double roll = uniform_at(which, i, 11);
    out += roll < 0.2 ? ' ' : static_cast<char>('a' + static_cast<int>(roll * 26));
  }
  return out;
}

std::string AskMaker::ending() {
  std::string out;
  for (uint32_t i = below(facts_.characters / 4 + 1); i > 0; --i) out += static_cast<char>('a' + below(26));
  if (facts_.tells > 0) out += " tell(" + std::to_string(below(facts_.tells)) + ")";
  return out;
}

// What no text spells: halves of UTF-8, control tokens.
AskMaker::Body AskMaker::tokens() {
  const uint32_t which = below(kBeginnings), length = 1 + below(facts_.characters * 3 / 4);
  Body out = Body::array();
  for (uint32_t i = 0; i < length; ++i)
    out.push_back(static_cast<uint32_t>(uniform_at(which, i, 12) * facts_.vocab));
  if (chance(0.5)) out.push_back(below(facts_.vocab));
  return out;
}

AskMaker::Body AskMaker::prompt() {
  if (chance(0.15)) return tokens();
  if (chance(0.8)) return beginning() + ending();
  Body out = Body::array();
  const bool as_tokens = chance(0.3);
  for (uint32_t i = 1 + below(3); i > 0; --i) {
    if (as_tokens)
      out.push_back(tokens());
    else
      out.push_back(beginning() + ending());
  }
  return out;
}

AskMaker::Body AskMaker::messages() {
  Body out = Body::array();
  const std::string first = beginning();
  if (chance(0.7)) out.push_back({{"role", "system"}, {"content", first}});
  if (chance(0.2)) {
    out.push_back({{"role", "user"}, {"content", "Hello"}});
    out.push_back({{"role", "assistant"}, {"content", "Hm."}});
  }
  Body content = (out.empty() ? first : "") + ending();
  if (content.get<std::string>().empty()) content = "Go on";
  if (chance(0.2)) content = Body::array({{{"type", "text"}, {"text", content}}});
  out.push_back({{"role", "user"}, {"content", content}});
  return out;
}

void AskMaker::say_length(Body& body, bool chat) {
  if (facts_.unlimited ? chance(0.5) : chance(0.05)) {
    if (!chat || chance(0.3)) body["max_tokens"] = -1;
    return;
  }
  if (chance(0.05)) return;  // the default
  const uint32_t least = chat ? 1 : 0;
  const std::vector<uint32_t> lengths = {least, 1, 2, 3, 5, 9, 20, 33};
  const uint32_t length = chance(0.5) ? 1 + below(facts_.tokens_max) : one_of(lengths);
  body[chat && chance(0.5) ? "max_completion_tokens" : "max_tokens"] = length;
}

void AskMaker::say_ends(Body& body) {
  if (chance(0.5)) {
    Body stops = Body::array();
    for (uint32_t i = below(3); i > 0; --i) {
      std::string stop = one_of(facts_.scraps);
      if (chance(0.5)) stop += one_of(facts_.scraps);
      stops.push_back(stop);
    }
    body["stop"] = stops.size() == 1 && chance(0.5) ? stops[0] : stops;
  }
  if (chance(0.15)) body["stop_token_ids"] = {below(facts_.vocab), below(facts_.vocab)};
  if (chance(0.2)) body["ignore_eos"] = chance(0.8);
}

void AskMaker::say_picks(Body& body) {
  const std::vector<double> temperatures = {0, 0, 0.3, 0.8, 1, 1, 1.5, 2};
  body["temperature"] = one_of(temperatures);
  // Without a seed, or with -1, only the likeliest tokens are the same each time.
  if (body["temperature"] != 0 || chance(0.3))
    body["seed"] = chance(0.1) ? Body(-2 - static_cast<int64_t>(below(100))) : Body(below(1'000'000));
  if (chance(0.2)) body["top_p"] = std::vector<double>{0.1, 0.5, 0.9, 1}[below(4)];
  if (chance(0.2)) body["top_k"] = std::vector<int>{-1, 1, 3, 40}[below(4)];
  if (chance(0.2)) body["min_p"] = std::vector<double>{0, 0.02, 0.3}[below(3)];
  if (chance(0.15)) body["typical_p"] = std::vector<double>{0.2, 0.7, 0.95}[below(3)];
  if (chance(0.2)) body[chance(0.5) ? "repetition_penalty" : "repeat_penalty"] = 0.8 + below(6) / 8.0;
  if (chance(0.2)) body["presence_penalty"] = below(9) / 2.0 - 2;
  if (chance(0.2)) body["frequency_penalty"] = below(9) / 2.0 - 2;
  if (chance(0.1)) body["penalty_window"] = below(50);
  if (chance(0.1)) body["repeat_last_n"] = static_cast<int>(below(50)) - 1;
  if (!chance(0.25)) return;
  Body bias = Body::object();
  for (uint32_t i = 1 + below(24); i > 0; --i) {
    // The last tokens of a vocabulary of pieces are what answers are to be made of.
    const uint32_t token = chance(0.5) ? below(facts_.vocab) : facts_.vocab - 1 - below(facts_.vocab / 4);
    bias[std::to_string(token)] = chance(0.2) ? -100.0 : below(17) / 2.0 - 2;
  }
  body["logit_bias"] = bias;
}

void AskMaker::say_chat(Body& body) {
  body["messages"] = messages();
  if (chance(0.5)) {
    body["logprobs"] = true;
    if (chance(0.7)) body["top_logprobs"] = below(6);
  } else if (chance(0.1)) {
    body["logprobs"] = false;
  }
  if (!facts_.tools.empty() && chance(0.8)) {
    body["tools"] = facts_.tools;
    if (chance(0.2)) body["tool_choice"] = chance(0.5) ? "auto" : "none";
    if (chance(0.6)) body["parallel_tool_calls"] = chance(0.2);
  }
  if (!facts_.suffixes.empty() && chance(0.4)) {
    body["chat_template_kwargs"] = {{"suffix", one_of(facts_.suffixes)}};
    if (chance(0.7)) body["add_generation_prompt"] = false;
  }
  if (chance(0.1)) body["response_format"] = {{"type", "text"}};
}

void AskMaker::say_completion(Body& body) {
  body["prompt"] = prompt();
  if (chance(0.4)) body["logprobs"] = below(6);
  if (chance(0.3)) body["echo"] = !body.contains("logprobs") || chance(0.1);
  if (chance(0.1) && body.contains("n")) body["best_of"] = body["n"];
  if (chance(0.05)) body["suffix"] = nullptr;
}

}  // namespace gantry::testing
