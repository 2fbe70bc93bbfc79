#include "api/openai/error.h"

#include "api/json_writer.h"
#include "http/options.h"

namespace gantry::api {
namespace {

// OpenAI's error.type.
const char* type_of(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 408:
      return "timeout_error";
    case 429:
      return "rate_limit_error";
    default:
      return status < 499 ? "invalid_request_error" : "server_error";
  }
}

// The place of an error in a request is told as its field; a device's or a file's place is not.
std::string field_of(const Error& error) {
  const ErrorCode code = error.code();
  if (code == ErrorCode::kTemplate) return "messages";  // its own place is a line of the template
  const bool in_request = code == ErrorCode::kInvalidRequest || code == ErrorCode::kNotFound ||
                          code == ErrorCode::kTooLarge || code == ErrorCode::kUnsupported;
  return in_request ? error.where() : std::string();
}

}  // namespace

http::Refusal at_door(const Error& error) {
  const ErrorFacts& facts = error_facts(error.code());
  return {facts.http_status, facts.name, error.what(), field_of(error)};
}

std::string error_body(const http::Refusal& error) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("error").begin_object();
  json.key("message").value(error.message()).key("type").value(type_of(error.status()));
  json.key("param").value_or_null(error.field()).key("code").value_or_null(error.code());
  json.end_object().end_object();
  return out;
}

http::Response error_response(const http::Refusal& error) {
  http::Response response{
      .status = error.status(), .headers = {}, .content_type = "application/json", .body = error_body(error)};
  if (error.status() == 429 || error.status() == 503)
    response.headers.push_back({"retry-after", std::to_string(http::kRetryAfter.count())});
  if (error.status() == 401) response.headers.push_back({"www-authenticate", "Bearer"});
  return response;
}

}  // namespace gantry::api
