// The bodies of /v1/chat/completions and /v1/completions into the house's own request. Every field is a row
// of a table (request.cc); what is asked and cannot be done is refused by the field's name.
#pragma once

#include <cstdint>
#include <string_view>

#include "api/generate_request.h"

namespace gantry::api::openai {

enum class Api : uint8_t { kChat, kCompletions };

struct Parsed {
  GenerateRequest request;
  Api api = Api::kChat;
  bool include_usage = false;  // in a stream
  bool timings = false;        // at the end of the answer
};

// http::Refusal 400 naming the field. An absent seed becomes a random one of 63 bits.
Parsed parse(Api api, std::string_view body);

}  // namespace gantry::api::openai
