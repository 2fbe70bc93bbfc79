#include "api/call.h"

#include <exception>
#include <new>
#include <utility>

#include "api/refusals.h"
#include "base/log.h"
#include "http/options.h"
#include "http/shortage.h"

namespace gantry::api {

void Asker::answer_json(std::string body) const {
  reply->send({.status = 200, .headers = {}, .content_type = "application/json", .body = std::move(body)});
}

void Asker::refuse(const http::Refusal& refusal) const { reply->send(error_response(*dialect, refusal)); }

void Asker::attempt(const std::function<void()>& step) const {
  try {
    const os::AccountScope scope(account);
    step();
  } catch (const http::Refusal& refusal) {
    refuse(refusal);
  } catch (const Error& error) {
    refuse(refusal_of(error, names));
  } catch (const std::bad_alloc&) {
    refuse(account
               ? http::refusal_of_shortage(*account)
               : refusal_of(Error(ErrorCode::kExhausted, "the system has no more memory for this request")));
  } catch (const std::exception& error) {
    log::error("api", "{} {}: {}", route->method, route->path, error.what());
    refuse(refusal_of(Error(ErrorCode::kInternal, "a bug of the server")));
  }
}

http::Response error_response(const Dialect& dialect, const http::Refusal& refusal) {
  http::Response response = dialect.error(refusal);
  if (response.status == 429 || response.status == 503)
    response.headers.push_back({"retry-after", std::to_string(http::kRetryAfter.count())});
  if (response.status == 401) response.headers.push_back({"www-authenticate", "Bearer"});
  return response;
}

}  // namespace gantry::api
