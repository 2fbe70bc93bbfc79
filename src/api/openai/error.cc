#include "api/openai/error.h"

#include "api/call.h"
#include "api/json_writer.h"

namespace gantry::api::openai {
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

}  // namespace

std::string error_body(const http::Refusal& refusal) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("error").begin_object();
  json.key("message").value(refusal.message()).key("type").value(type_of(refusal.status()));
  json.key("param").value_or_null(refusal.field()).key("code").value_or_null(refusal.code());
  json.end_object().end_object();
  return out;
}

http::Response error(const http::Refusal& refusal) {
  return json_response(error_body(refusal), refusal.status());
}

}  // namespace gantry::api::openai
