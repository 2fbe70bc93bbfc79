#include "api/router.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include <fmt/format.h>

#include "api/call.h"
#include "api/chat_changes.h"
#include "api/foreign_paths.h"
#include "api/generation.h"
#include "api/refusals.h"
#include "base/check.h"
#include "base/random_id.h"
#include "settings/spelling.h"

namespace gantry::api {
namespace {

constexpr size_t kRequestIdMax = 128;   // bytes of a client's own
constexpr size_t kQuotedPathMax = 200;  // bytes of a path that a refusal repeats

bool takes(const Route& route, const http::Request& head, std::string_view path) {
  if (!route.header.empty() && head.header(route.header) == nullptr) return false;
  if (!route.path.ends_with('*')) return path == route.path;
  const std::string_view prefix = route.path.substr(0, route.path.size() - 1);
  return path.size() > prefix.size() && path.starts_with(prefix);
}

std::string rest_of(const Route& route, std::string_view path) {
  return route.path.ends_with('*') ? std::string(path.substr(route.path.size() - 1)) : std::string();
}

// A client that has a name for its request finds it in the log and in the answer, where it can do no harm.
std::string id_of(const http::Request& head, std::string_view id_header) {
  const auto is_harmless = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("-_.:+/=").find(c) != std::string_view::npos;
  };
  const std::string* given = head.header(id_header);
  const bool sane = given != nullptr && !given->empty() && given->size() <= kRequestIdMax &&
                    std::ranges::all_of(*given, is_harmless);
  return sane ? *given : random_id("req_");
}

// One slash behind a path changes nothing.
std::string path_of(const http::Request& request) {
  std::string path = request.path();
  if (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

}  // namespace

Router::Router(const std::vector<const Dialect*>& dialects, const Models& models, const http::Guard& guard,
               const Loading& loading, std::shared_ptr<WorkQueue> work)
    : default_dialect_(*dialects.at(0)),
      models_(models),
      guard_(guard),
      loading_(loading),
      work_(std::move(work)) {
  for (const Dialect* dialect : dialects)
    for (const Route& route : dialect->routes()) {
      for (const Entry& entry : entries_)
        GANTRY_CHECK(entry.route->method != route.method || entry.route->path != route.path ||
                     entry.route->header != route.header);
      entries_.push_back({&route, dialect});
    }
  std::ranges::stable_partition(entries_, [](const Entry& entry) { return !entry.route->header.empty(); });
}

const Router::Entry* Router::find(const http::Request& head, std::string_view path,
                                  std::string_view method) const {
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  for (const Entry& entry : entries_)
    if ((wanted.empty() || entry.route->method == wanted) && takes(*entry.route, head, path)) return &entry;
  return nullptr;
}

const Router::Entry* Router::entry_of(const http::Request& head) const {
  try {
    const std::string path = path_of(head);
    const Entry* entry = find(head, path, head.method);
    return entry == nullptr ? find(head, path, {}) : entry;
  } catch (const http::Refusal&) {  // no path at all
    return nullptr;
  }
}

const Dialect& Router::dialect_of(const http::Request& head) const {
  const Entry* entry = entry_of(head);
  return entry == nullptr ? default_dialect_ : *entry->dialect;
}

// "GET, HEAD, OPTIONS"; empty when no route takes the path.
std::string Router::methods_of(const http::Request& head, std::string_view path) const {
  std::vector<std::string_view> methods;
  for (const Entry& entry : entries_) {
    if (!takes(*entry.route, head, path) || std::ranges::count(methods, entry.route->method) > 0) continue;
    methods.push_back(entry.route->method);
    if (entry.route->method == "GET") methods.emplace_back("HEAD");
  }
  if (!methods.empty()) methods.emplace_back("OPTIONS");
  std::string out;
  for (const std::string_view method : methods) out += (out.empty() ? "" : ", ") + std::string(method);
  return out;
}

// The path that was likely meant: clients are given the base URL with /v1 too few or too often, and join it
// with a slash too many.
std::string Router::likely_path(const http::Request& head, const std::string& path) const {
  std::string single;
  for (const char c : path)
    if (c != '/' || !single.ends_with('/')) single += c;
  if (single.size() > 1 && single.ends_with('/')) single.pop_back();
  for (const std::string_view prefix : {"", "/v1"}) {
    for (const std::string_view doubled : {"", "/v1"}) {
      if (!single.starts_with(doubled)) continue;
      const std::string candidate = std::string(prefix) + single.substr(doubled.size());
      if (candidate != path && find(head, candidate, {}) != nullptr) return candidate;
    }
  }
  return {};
}

http::Refusal Router::no_such_path(const http::Request& head, const std::string& path) const {
  const std::string meant = likely_path(head, path);
  std::string words =
      meant.empty() ? words_on_foreign_path(path) : "did you mean '" + meant.substr(0, kQuotedPathMax) + "'?";
  if (!words.empty()) words.insert(0, "; ");
  return {404, "not_found", "no such path: '" + path.substr(0, kQuotedPathMax) + "'" + words};
}

// A setting that would let the caller in is told as the flag that it is.
void Router::check_caller(const http::Request& head) const {
  try {
    guard_.check_origin(head);
  } catch (const http::Refusal& refusal) {
    throw http::Refusal(refusal.status(), refusal.code(),
                        settings::as_flags(refusal.message(), settings::Command::kServe), refusal.field());
  }
}

std::optional<http::Response> Router::judge_path(const http::Request& head) const {
  check_caller(head);
  const std::string path = path_of(head);
  const std::string methods = methods_of(head, path);
  if (head.method == "OPTIONS" && (!methods.empty() || path == "*")) {
    http::Response response = guard_.preflight(head, methods.empty() ? "GET, HEAD, POST, OPTIONS" : methods);
    response.headers.push_back({"allow", methods});
    return response;
  }
  if (methods.empty()) throw no_such_path(head, path);
  const Entry* entry = find(head, path, head.method);
  if (entry == nullptr) {
    http::Response response = error_response(
        dialect_of(head), http::Refusal(405, "method_not_allowed",
                                        "the method '" + head.method.substr(0, kQuotedPathMax) +
                                            "' is not one of this path's: " + methods));
    response.headers.push_back({"allow", methods});
    return response;
  }
  const Dialect& dialect = *entry->dialect;
  if (entry->route->key == Key::kAsked) guard_.check_key(dialect.key_of(head), dialect.key_words());
  if (!entry->route->watches && loading_.at())
    throw http::Refusal(503, "loading",
                        "the model is being loaded: try again soon; /health tells how far it is");
  if (draining_.load()) throw Error(ErrorCode::kShuttingDown, "the server is shutting down");
  return std::nullopt;
}

std::optional<http::Response> Router::judge(const http::Request& head) const {
  try {
    return judge_path(head);
  } catch (const http::Refusal& error) {
    return refusal(error, &head);
  } catch (const Error& error) {
    return refusal(refusal_of(error), &head);
  }
}

void Router::answer(http::Request request, std::shared_ptr<http::Reply> reply) const {
  const std::string path = path_of(request);
  const Entry* entry = find(request, path, request.method);
  Asker asker{.dialect = entry->dialect,
              .route = entry->route,
              .reply = std::move(reply),
              .account = request.account,
              .load = {guard_.client_of(entry->dialect->key_of(request)).value_or(request.client),
                       request.body.size()},
              .work = work_};
  const auto run = [this, asker, rest = rest_of(*entry->route, path)](http::Request& whole) {
    Call call{whole, rest, models_, listener_.load(), loading_, asker};
    asker.route->handler(call);
  };
  if (entry->route->cost == Cost::kAtOnce) return asker.attempt([&] { run(request); });
  const auto shared = std::make_shared<http::Request>(std::move(request));
  asker.post([run, shared] { run(*shared); });
}

http::Marks Router::marks_of(const http::Request& head) const {
  http::Marks out;
  const Entry* entry = entry_of(head);
  const Dialect& dialect = entry == nullptr ? default_dialect_ : *entry->dialect;
  const std::string id_header(dialect.request_id_header());
  out.id = id_of(head, id_header);
  out.quiet = entry != nullptr && entry->route->watches;
  try {
    guard_.check_origin(head);
    out.headers = guard_.cors_headers(head, fmt::format("{}, {}, {}, {}", id_header, kChatChangesHeader,
                                                        kQueuePositionHeader, kExpectedWaitHeader));
  } catch (const http::Refusal&) {
    // A foreign page is not helped to read its refusal.
  }
  out.headers.push_back({id_header, out.id});
  return out;
}

http::Response Router::refusal(const http::Refusal& refusal, const http::Request* head) const {
  return error_response(head == nullptr ? default_dialect_ : dialect_of(*head), refusal);
}

}  // namespace gantry::api
