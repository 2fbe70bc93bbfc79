// Errors in the words of OpenAI's API: {"error":{"message","type","param","code"}}.
#pragma once

#include <string>

#include "base/error.h"
#include "server/http.h"

namespace gantry::server {

// What an error from below is at this door.
HttpError at_door(const Error& error);

std::string error_body(const HttpError& error);
// With Retry-After where the client should come back.
HttpResponse error_response(const HttpError& error);

}  // namespace gantry::server
