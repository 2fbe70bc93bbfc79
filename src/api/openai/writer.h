// Answers in the words of OpenAI's API: bodies, stream chunks, usage, log-probabilities.
#pragma once

#include <memory>

#include "api/openai/request.h"
#include "api/writer.h"

namespace gantry::api::openai {

std::unique_ptr<Writer> make_writer(const Parsed& parsed);

}  // namespace gantry::api::openai
