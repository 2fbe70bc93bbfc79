#include "api/call.h"

#include <exception>
#include <new>
#include <optional>
#include <utility>

#include "api/refusals.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "http/options.h"
#include "http/shortage.h"
#include "settings/spelling.h"

namespace gantry::api {

http::Response json_response(std::string body, int status, std::vector<http::Header> headers) {
  body += kBodyEnd;
  return {.status = status,
          .headers = std::move(headers),
          .content_type = "application/json",
          .body = std::move(body)};
}

void Asker::answer_json(std::string body, std::vector<http::Header> headers) const {
  reply->send(json_response(std::move(body), 200, std::move(headers)));
}

void Asker::refuse(const http::Refusal& refusal) const { reply->send(error_response(*dialect, refusal)); }

void Asker::post(std::function<void()> step) const {
  const bool taken = work->try_post(load, [asker = *this, step = std::move(step)] { asker.attempt(step); });
  if (!taken) refuse(refusal_of(Error(ErrorCode::kBusy, "too many requests are waiting: try again soon")));
}

void Asker::attempt(const std::function<void()>& step) const {
  if (const auto fault = fault_of(step)) refuse(*fault);
}

std::optional<http::Refusal> Asker::fault_of(const std::function<void()>& step) const {
  try {
    const os::AccountScope scope(account);
    const InterruptScope interruptible(reply->gone());
    check_interrupt();
    step();
    return std::nullopt;
  } catch (const http::Refusal& refusal) {
    return refusal;
  } catch (const Error& error) {
    return refusal_of(error, names);
  } catch (const std::bad_alloc&) {
    return account
               ? http::refusal_of_shortage(*account)
               : refusal_of(Error(ErrorCode::kExhausted, "the system has no more memory for this request"));
  } catch (const std::exception& error) {
    log::error("api", "{} {}: {}", route->method, route->path, error.what());
    return refusal_of(
        Error(ErrorCode::kInternal,
              "this is a bug of the server: please report it with what its log says of this request"));
  }
}

http::Cause cause_of(const http::Refusal& refusal) {
  return {refusal.code(), settings::as_flags(refusal.message(), settings::Command::kServe)};
}

http::Response error_response(const Dialect& dialect, const http::Refusal& refusal) {
  http::Response response = dialect.error(refusal);
  response.cause = cause_of(refusal);
  if (response.status == 429 || response.status == 503)
    response.headers.push_back({"retry-after", std::to_string(refusal.retry_after())});
  if (response.status == 401) response.headers.push_back({"www-authenticate", "Bearer"});
  return response;
}

}  // namespace gantry::api
