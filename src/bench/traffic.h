// The conversations of a load, one after the other: the nth is a pure function of mix, seed and n, whichever
// client asks it and whenever.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bench/mix.h"
#include "text/json.h"

namespace gantry::bench {

enum class Api : uint8_t { kChat, kCompletions };

// How long a text is in the server's tokens, as its first answers told (probe.h).
struct Measure {
  double words_per_token = 1;
  double frame = 0;  // tokens around a text: the chat template's
};

// What every request to this server has in common.
struct Form {
  Api api = Api::kChat;
  std::string model;
  bool ignore_eos = true;  // answers are as long as they were asked to be
  bool asks_usage = true;  // stream_options.include_usage
  Json extra = nullptr;    // fields that go over the others; null takes one away
  Measure measure;
};

// One request of a conversation.
struct Ask {
  std::string text;  // what is said in this turn
  uint32_t new_tokens = 1;
  std::optional<uint32_t> cancel_after;  // the client leaves once it has so many pieces of an answer
};

class Traffic {
 public:
  // `mix` outlives it. Levels of one run have different salts: nothing but what is shared within a level is
  // known to the server's cache.
  Traffic(const Mix& mix, uint64_t seed, uint64_t salt)
      : mix_(mix), seed_(seed + 0x9e3779b97f4a7c15ULL * salt) {}

  uint32_t turns(uint64_t conversation) const;
  Ask ask(uint64_t conversation, uint32_t turn, const Measure& measure) const;
  const Kind& kind(uint64_t conversation) const;

 private:
  double draw(uint64_t conversation, uint32_t turn, uint32_t what) const;

  const Mix& mix_;
  uint64_t seed_;
};

// What was said before in a conversation: asked and answered.
using Said = std::vector<std::pair<std::string, std::string>>;

// The body of a request, JSON.
std::string body_of(const Form& form, const Said& said, const Ask& ask, double temperature);

}  // namespace gantry::bench
