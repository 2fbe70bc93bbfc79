// The one request for generated text that every dialect's body becomes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "api/field_names.h"
#include "completion/completion.h"

namespace gantry::api {

struct GenerateRequest {
  std::string model;                        // empty: the only one
  std::vector<completion::Prompt> prompts;  // at least one
  completion::CompletionRequest base;       // all but the prompt; the first choice's seed
  uint32_t n = 1;                           // choices of one prompt stand together
  bool stream = false;
  bool echo = false;                 // the prompt's text before the answer's
  bool nothing_to_generate = false;  // only counted, and echoed
  FieldNames names = {};             // what its client calls the fields

  uint32_t choices() const { return n * static_cast<uint32_t>(prompts.size()); }
};

}  // namespace gantry::api
