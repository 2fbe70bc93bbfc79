// One HTTP request and one answer, as values; and a refusal.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "os/memory_account.h"

namespace gantry::http {

struct Header {
  std::string name;  // lower case
  std::string value;
};

struct Request {
  std::string method, target;
  int minor_version = 1;  // HTTP/1.x
  bool keep_alive = true;
  std::vector<Header> headers;
  std::string body;
  uint64_t client = 0;  // a number: who shares it is one client
  // Whose memory it is, and what becomes of it.
  std::shared_ptr<os::MemoryAccount> account = nullptr;

  // The first field of that name (lower case), nullptr when absent.
  const std::string* header(std::string_view name) const;
  // The target without query, percent-decoded; of an absolute target its path. Error 400 when undecodable.
  std::string path() const;
};

// What follows "http://" or "https://" of an absolute target: authority and path; else nothing.
std::optional<std::string_view> behind_scheme(std::string_view target);

// For the server's log, not for the client: why an answer is no answer.
struct Cause {
  std::string code;     // a refusal's
  std::string message;  // with settings by their flags
};

// The same of an answer that was given.
struct Outcome {
  struct Tokens {
    uint64_t prompt = 0, cached = 0, generated = 0;  // cached: of the prompt
    double per_second = 0;                           // generated, from the first one on; 0: not known
  };
  std::optional<Tokens> tokens = {};
  std::optional<Cause> cause = {};
};

struct Response {
  int status = 200;
  std::vector<Header> headers;
  std::string content_type = "application/json";
  std::string body;
  std::optional<Cause> cause = {};
};

inline constexpr std::chrono::seconds kRetryAfter{1};  // where nothing better is known

// A refusal as a value: what it is in words and numbers, not yet how a client is told.
class Refusal : public std::exception {
 public:
  // code: a stable word for programs ("too_large"); field: of the request, the one at fault, may be empty.
  Refusal(int status, std::string code, std::string message, std::string field = {})
      : status_(status), code_(std::move(code)), message_(std::move(message)), field_(std::move(field)) {}

  int status() const { return status_; }
  const std::string& code() const { return code_; }
  const std::string& message() const { return message_; }
  const std::string& field() const { return field_; }
  const char* what() const noexcept override { return message_.c_str(); }
  // Seconds after which to come again, where that is known; of 429 and 503.
  uint32_t retry_after() const { return retry_after_; }
  void come_back_in(uint32_t seconds) { retry_after_ = seconds; }

 private:
  int status_;
  uint32_t retry_after_ = static_cast<uint32_t>(kRetryAfter.count());
  std::string code_, message_, field_;
};

Refusal bad_request(std::string message, std::string field = {}, std::string code = "invalid_request");

const char* reason_phrase(int status);

bool same_ignoring_case(std::string_view a, std::string_view b);

}  // namespace gantry::http
