// Errors in the words of OpenAI's API: {"error":{"message","type","param","code"}}.
#pragma once

#include <string>

#include "base/error.h"
#include "http/http.h"

namespace gantry::api {

// What an error from below is at this door.
http::Refusal at_door(const Error& error);

std::string error_body(const http::Refusal& error);
// With Retry-After where the client should come back.
http::Response error_response(const http::Refusal& error);

}  // namespace gantry::api
