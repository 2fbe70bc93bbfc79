// Answers in the words of OpenAI's API: bodies, stream chunks, usage, log-probabilities.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/openai/request.h"
#include "completion/completion.h"
#include "fleet/fleet.h"
#include "http/http.h"

namespace gantry::api {

// What all chunks and the body of one answer have in common.
struct AnswerHead {
  Api api = Api::kChat;
  std::string id;  // "chatcmpl-...", "cmpl-..."
  int64_t created = 0;
  std::string model;
  std::string fingerprint;
  bool logprobs = false;
  bool usage_in_stream = false;  // every chunk has a member "usage"
};
AnswerHead make_head(const GenerateRequest& request, const fleet::ModelCard& card);

// One choice of a whole answer.
struct Choice {
  std::string reasoning;
  std::string text;
  std::vector<completion::CallDelta> calls;  // whole ones
  std::vector<completion::TokenReport> tokens;
  completion::Finish finish = completion::Finish::kNone;
};

std::string whole_body(const AnswerHead& head, const std::vector<Choice>& choices,
                       const completion::Usage& usage);

// Server-sent events, each "data: {...}\n\n".
std::string role_event(const AnswerHead& head, uint32_t index);
// `text_offset`: characters of the choice's text before this delta.
std::string delta_event(const AnswerHead& head, uint32_t index, const completion::Delta& delta,
                        uint64_t text_offset);
std::string finish_event(const AnswerHead& head, uint32_t index, completion::Finish finish);
std::string usage_event(const AnswerHead& head, const completion::Usage& usage);
std::string error_event(const http::Refusal& error);
inline constexpr std::string_view kDoneEvent = "data: [DONE]\n\n";

std::string models_body(const std::vector<fleet::ModelCard>& cards);
std::string model_body(const fleet::ModelCard& card);

// Of UTF-8: what is no continuation byte.
uint64_t characters(std::string_view utf8);

// `prefix` and 24 letters and digits.
std::string random_id(std::string_view prefix);

}  // namespace gantry::api
