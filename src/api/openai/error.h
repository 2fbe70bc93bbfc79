// Errors in the words of OpenAI's API: {"error":{"message","type","param","code"}}.
#pragma once

#include <string>

#include "http/http.h"

namespace gantry::api::openai {

std::string error_body(const http::Refusal& refusal);
http::Response error(const http::Refusal& refusal);

}  // namespace gantry::api::openai
