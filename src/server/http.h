// One HTTP request and one answer, as values; and the error of the door.
#pragma once

#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace gantry::server {

struct Header {
  std::string name;  // lower case
  std::string value;
};

struct HttpRequest {
  std::string method, target;
  int minor_version = 1;  // HTTP/1.x
  bool keep_alive = true;
  std::vector<Header> headers;
  std::string body;

  // The first field of that name (lower case), nullptr when absent.
  const std::string* header(std::string_view name) const;
  // The target without query, percent-decoded; of an absolute target its path. Error 400 when undecodable.
  std::string path() const;
};

// What follows "http://" or "https://" of an absolute target: authority and path; else nothing.
std::optional<std::string_view> behind_scheme(std::string_view target);

struct HttpResponse {
  int status = 200;
  std::vector<Header> headers;
  std::string content_type = "application/json";
  std::string body;
};

// Refusals that have no gantry::ErrorCode: they carry their status themselves.
class HttpError : public std::exception {
 public:
  // code: OpenAI's error.code; param: the field at fault, may be empty.
  HttpError(int status, std::string type, std::string code, std::string message, std::string param = {});
  // What a gantry::Error is at this door.
  explicit HttpError(const Error& error);

  int status() const { return status_; }
  const std::string& type() const { return type_; }
  const std::string& code() const { return code_; }
  const std::string& message() const { return message_; }
  const std::string& param() const { return param_; }
  const char* what() const noexcept override { return message_.c_str(); }

  // {"error":{"message","type","param","code"}}
  std::string body() const;
  // With Retry-After where the client should come back.
  HttpResponse response() const;

 private:
  int status_;
  std::string type_, code_, message_, param_;
};

HttpError bad_request(std::string message, std::string param = {}, std::string code = "invalid_request");

const char* reason_phrase(int status);

bool same_ignoring_case(std::string_view a, std::string_view b);

}  // namespace gantry::server
