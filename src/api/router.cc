#include "api/router.h"

#include <algorithm>
#include <array>
#include <exception>
#include <utility>

#include "api/generation.h"
#include "api/lease.h"
#include "api/openai/error.h"
#include "api/openai/format.h"
#include "api/openai/request.h"
#include "api/token_routes.h"
#include "base/log.h"

namespace gantry::api {
namespace {

constexpr size_t kQuotedPathMax = 200;  // bytes of a path that a refusal repeats

struct Call {
  fleet::Fleet& fleet;
  const http::Request& request;
  std::string rest;  // what a prefix route left of the path
  std::shared_ptr<http::Reply> reply;
};

void answer_json(Call& call, std::string body) {
  call.reply->send(
      {.status = 200, .headers = {}, .content_type = "application/json", .body = std::move(body)});
}

void hint(Call& call) {
  call.reply->send({.status = 200,
                    .headers = {},
                    .content_type = "text/plain; charset=utf-8",
                    .body = "gantry is running; point an OpenAI client at /v1\n"});
}

void health(Call& call) { answer_json(call, R"({"status":"ok"})"); }

void list_models(Call& call) { answer_json(call, models_body(call.fleet.list())); }

void one_model(Call& call) {
  for (const fleet::ModelCard& card : call.fleet.list())
    if (card.id == call.rest) return answer_json(call, model_body(card));
  throw http::Refusal(404, "model_not_found", "no such model: '" + call.rest.substr(0, kQuotedPathMax) + "'",
                      "model");
}

void run_api(Call& call, Api api) {
  GenerateRequest request = read_generate_request(api, call.request.body);
  fleet::Lease lease = lease_model(call.fleet, request.model);
  generate(std::move(request), std::move(lease), std::move(call.reply));
}
void chat_completions(Call& call) { run_api(call, Api::kChat); }
void completions(Call& call) { run_api(call, Api::kCompletions); }

void tokenize(Call& call) { answer_json(call, tokenize_body(call.fleet, call.request.body)); }
void detokenize(Call& call) { answer_json(call, detokenize_body(call.fleet, call.request.body)); }
void apply_template(Call& call) { answer_json(call, apply_template_body(call.fleet, call.request.body)); }

enum class Key : uint8_t { kAsked, kFree };
enum class Cost : uint8_t { kAtOnce, kWorker };

// A path that ends in '*' takes any rest that is not empty. HEAD goes where GET goes.
struct Route {
  std::string_view method, path;
  Key key;
  Cost cost;
  void (*handler)(Call& call);
};
constexpr std::array kRoutes = {
    Route{"GET", "/", Key::kFree, Cost::kAtOnce, hint},
    Route{"GET", "/health", Key::kFree, Cost::kAtOnce, health},
    Route{"GET", "/v1/models", Key::kAsked, Cost::kAtOnce, list_models},
    Route{"GET", "/v1/models/*", Key::kAsked, Cost::kAtOnce, one_model},
    Route{"POST", "/v1/chat/completions", Key::kAsked, Cost::kWorker, chat_completions},
    Route{"POST", "/v1/completions", Key::kAsked, Cost::kWorker, completions},
    Route{"POST", "/tokenize", Key::kAsked, Cost::kWorker, tokenize},
    Route{"POST", "/detokenize", Key::kAsked, Cost::kWorker, detokenize},
    Route{"POST", "/apply-template", Key::kAsked, Cost::kWorker, apply_template},
};

bool takes(const Route& route, std::string_view path) {
  if (!route.path.ends_with('*')) return path == route.path;
  const std::string_view prefix = route.path.substr(0, route.path.size() - 1);
  return path.size() > prefix.size() && path.starts_with(prefix);
}

std::string rest_of(const Route& route, std::string_view path) {
  return route.path.ends_with('*') ? std::string(path.substr(route.path.size() - 1)) : std::string();
}

const Route* find_route(std::string_view method, std::string_view path) {
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  for (const Route& route : kRoutes)
    if (route.method == wanted && takes(route, path)) return &route;
  return nullptr;
}

// "GET, HEAD, OPTIONS"; empty when no route takes the path.
std::string methods_of(std::string_view path) {
  std::string out;
  for (const Route& route : kRoutes) {
    if (!takes(route, path)) continue;
    out += (out.empty() ? "" : ", ") + std::string(route.method);
    if (route.method == "GET") out += ", HEAD";
  }
  return out.empty() ? out : out + ", OPTIONS";
}

// A route's path may be followed by one slash.
std::string path_of(const http::Request& request) {
  std::string path = request.path();
  if (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

// The path that was likely meant: clients are given the base URL with /v1 too few or too often, and join it
// with a slash too many.
std::string likely_path(std::string_view path) {
  std::string single;
  for (const char c : path)
    if (c != '/' || !single.ends_with('/')) single += c;
  if (single.size() > 1 && single.ends_with('/')) single.pop_back();
  for (const std::string_view prefix : {"", "/v1"}) {
    for (const std::string_view doubled : {"", "/v1"}) {
      if (!single.starts_with(doubled)) continue;
      const std::string candidate = std::string(prefix) + single.substr(doubled.size());
      if (candidate != path && !methods_of(candidate).empty()) return candidate;
    }
  }
  return {};
}

http::Refusal no_such_path(const std::string& path) {
  const std::string meant = likely_path(path);
  return {404, "not_found",
          "no such path: '" + path.substr(0, kQuotedPathMax) + "'" +
              (meant.empty() ? "" : "; did you mean '" + meant.substr(0, kQuotedPathMax) + "'?")};
}

// Runs a handler, turning what it throws into an answer.
void run_handler(const Route& route, Call& call) {
  const std::shared_ptr<http::Reply> reply = call.reply;
  try {
    route.handler(call);
  } catch (const http::Refusal& error) {
    reply->send(error_response(error));
  } catch (const Error& error) {
    reply->send(error_response(at_door(error)));
  } catch (const std::exception& error) {
    log::error("api", "{} {}: {}", route.method, route.path, error.what());
    reply->send(error_response(at_door(Error(ErrorCode::kInternal, "a bug of the server"))));
  }
}

http::Response refuse_method(const http::Request& head, const std::string& methods) {
  http::Response response = error_response(http::Refusal(
      405, "method_not_allowed",
      "the method '" + head.method.substr(0, kQuotedPathMax) + "' is not one of this path's: " + methods));
  response.headers.push_back({"allow", methods});
  return response;
}

}  // namespace

std::optional<http::Response> Router::judge(const http::Request& head) const {
  try {
    guard_.check_origin(head);
    const std::string path = path_of(head);
    const std::string methods = methods_of(path);
    if (head.method == "OPTIONS" && (!methods.empty() || path == "*")) {
      http::Response response =
          guard_.preflight(head, methods.empty() ? "GET, HEAD, POST, OPTIONS" : methods);
      response.headers.push_back({"allow", methods});
      return response;
    }
    if (methods.empty()) throw no_such_path(path);
    const Route* route = find_route(head.method, path);
    if (route == nullptr) return refuse_method(head, methods);
    if (route->key == Key::kAsked) guard_.check_key(head);
    if (draining_.load()) throw Error(ErrorCode::kShuttingDown, "the server is shutting down");
    return std::nullopt;
  } catch (const http::Refusal& error) {
    return error_response(error);
  } catch (const Error& error) {
    return error_response(at_door(error));
  }
}

void Router::answer(http::Request request, std::shared_ptr<http::Reply> reply) const {
  const std::string path = path_of(request);
  const Route* route = find_route(request.method, path);
  if (route->cost == Cost::kAtOnce) {
    Call call{fleet_, request, rest_of(*route, path), std::move(reply)};
    return run_handler(*route, call);
  }
  const auto shared = std::make_shared<const http::Request>(std::move(request));
  const bool taken = work_.try_post([this, route, shared, reply, rest = rest_of(*route, path)] {
    Call call{fleet_, *shared, rest, reply};
    run_handler(*route, call);
  });
  if (!taken) reply->send(error_response(at_door(Error(ErrorCode::kBusy, "too many requests are waiting"))));
}

std::vector<http::Header> Router::common_headers(const http::Request& head) const {
  std::vector<http::Header> out;
  try {
    guard_.check_origin(head);
    out = guard_.cors_headers(head);
  } catch (const http::Refusal&) {
    // A foreign page is not helped to read its refusal.
  }
  out.push_back({"x-request-id", random_id("req_")});
  return out;
}

http::Response Router::refusal(const http::Refusal& error, const http::Request*) const {
  return error_response(error);
}

}  // namespace gantry::api
