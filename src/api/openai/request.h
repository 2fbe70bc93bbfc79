// The bodies of /v1/chat/completions and /v1/completions into what a Completer understands. Every field is a
// row of a table (openai_request.cc); what is asked and cannot be done is refused by the field's name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "completion/completion.h"

namespace gantry::api {

enum class Api : uint8_t { kChat, kCompletions };

struct GenerateRequest {
  Api api = Api::kChat;
  std::string model;  // empty: the only one
  std::vector<completion::Prompt> prompts;
  completion::CompletionRequest base;  // all but the prompt; the first choice's seed
  uint32_t n = 1;
  bool stream = false;
  bool include_usage = false;        // in a stream
  bool echo = false;                 // the prompt's text before the answer's
  bool nothing_to_generate = false;  // max_tokens: 0

  // Request number of a choice: choices of one prompt stand together, each with a seed of its own.
  completion::CompletionRequest choice(uint32_t index) const;
  uint32_t choices() const { return n * static_cast<uint32_t>(prompts.size()); }
};

// Refusal 400 naming the field. An absent seed becomes a random one of 63 bits.
GenerateRequest read_generate_request(Api api, std::string_view body);

}  // namespace gantry::api
