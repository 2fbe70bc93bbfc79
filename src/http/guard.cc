#include "http/guard.h"

#include <algorithm>
#include <utility>

#include <arpa/inet.h>

#include "http/http_syntax.h"

namespace gantry::http {
namespace {

constexpr size_t kPreflightHeadersMax = 2048;  // bytes of a browser's list of headers that is repeated to it

template <typename Pattern>
bool has(const std::vector<Pattern>& list, std::string_view text) {
  return std::ranges::any_of(list, [&](const Pattern& pattern) { return pattern.matches(text); });
}

template <typename Pattern>
std::vector<Pattern> patterns_of(const std::vector<std::string>& texts) {
  std::vector<Pattern> out;
  for (const std::string& text : texts) out.emplace_back(text);
  return out;
}

Refusal forbidden(std::string message, std::string code) {
  return {403, std::move(code), std::move(message)};
}

}  // namespace

bool is_loopback_name(std::string_view host_name) {
  if (host_name == "localhost" || host_name.ends_with(".localhost") || host_name == "::1") return true;
  const std::string text(host_name);
  in_addr address{};
  return inet_pton(AF_INET, text.c_str(), &address) == 1 && (ntohl(address.s_addr) >> 24) == 127;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  size_t difference = a.size() ^ b.size();
  for (size_t i = 0; i < a.size(); ++i) {
    const char other = b.empty() ? '\0' : b[i % b.size()];
    difference |= static_cast<size_t>(static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(other));
  }
  return difference == 0;
}

namespace {

bool is_one_of(const std::vector<std::string>& keys, std::string_view given) {
  bool known = false;
  for (const std::string& key : keys) known |= equal_in_constant_time(given, key) && !key.empty();
  return known;
}

}  // namespace

Guard::Guard(const Options& options, bool loopback)
    : keys_(std::make_shared<const std::vector<std::string>>(options.api_keys)),
      origins_(patterns_of<OriginPattern>(options.cors_origins)),
      hosts_(patterns_of<HostPattern>(options.allowed_hosts)),
      check_host_(loopback || !hosts_.empty()) {}

Guard::Keys Guard::keys() const {
  const std::lock_guard lock(mutex_);
  return keys_;
}

void Guard::set_keys(std::vector<std::string> keys) {
  Keys fresh = std::make_shared<const std::vector<std::string>>(std::move(keys));
  const std::lock_guard lock(mutex_);
  keys_.swap(fresh);
}

bool Guard::origin_allowed(std::string_view origin, const std::string* host) const {
  if (has(origins_, origin)) return true;
  const std::optional<Origin> page = read_origin(origin);
  if (!page) return false;  // "null": a page without an origin, of anyone's
  if (is_loopback_name(page->host)) return true;
  // A page that this server gave out itself. Not by name: a name can be made to point here.
  const std::string_view authority = origin.substr(origin.find("://") + 3);
  return host != nullptr && authority == *host && is_address_literal(page->host);
}

void Guard::check_origin(const Request& request) const {
  const std::string* host = request.header("host");
  if (host == nullptr && request.minor_version == 1) throw bad_request("no Host header");
  if (host != nullptr) {
    const std::optional<std::string> name = host_name_of(*host);
    if (!name) throw bad_request("the Host header is not a host with or without a port");
    if (check_host_ && !is_loopback_name(*name) && !has(hosts_, *name))
      throw forbidden("this server answers on this machine's own names" +
                          std::string(hosts_.empty() ? " only" : " and those of `allowed_host`") +
                          ", not as '" + *name + "': start it with allowed_host=" + *name +
                          " to be called so",

                      "foreign_host");
  }
  if (const std::string* origin = request.header("origin");
      origin != nullptr && !origin_allowed(*origin, host))
    throw forbidden("pages of '" + *origin +
                        "' may not call this server: start it with cors_origin=" + *origin + " to let them",
                    "foreign_origin");
}

std::string_view bearer_key(const Request& request) {
  constexpr std::string_view kScheme = "Bearer ";
  const std::string* header = request.header("authorization");
  if (header == nullptr || header->size() < kScheme.size() ||
      !same_ignoring_case(std::string_view(*header).substr(0, kScheme.size()), kScheme))
    return {};
  return std::string_view(*header).substr(kScheme.size());
}

std::optional<uint64_t> Guard::client_of(std::string_view given) const {
  const Keys all = keys();
  if (all->size() < 2 || !is_one_of(*all, given)) return std::nullopt;
  return std::hash<std::string_view>()(given);
}

void Guard::check_key(std::string_view given, std::string_view words) const {
  const Keys all = keys();
  if (all->empty() || is_one_of(*all, given)) return;
  throw Refusal(401, "invalid_api_key",
                given.empty() ? "this server asks for a key: " + std::string(words)
                              : "the key is not one of this server's");
}

std::vector<Header> Guard::cors_headers(const Request& request, std::string_view exposed) const {
  const std::string* origin = request.header("origin");
  if (origin == nullptr) return {};
  return {{"access-control-allow-origin", *origin},
          {"access-control-expose-headers", std::string(exposed) + ", retry-after"},
          {"vary", "Origin"}};
}

Response Guard::preflight(const Request& request, std::string_view methods) const {
  Response response{.status = 204, .headers = {}, .content_type = "", .body = ""};
  response.headers.push_back({"access-control-allow-methods", std::string(methods)});
  const std::string* wanted = request.header("access-control-request-headers");
  response.headers.push_back(
      {"access-control-allow-headers", wanted != nullptr && wanted->size() <= kPreflightHeadersMax
                                           ? *wanted
                                           : std::string("authorization, content-type")});
  response.headers.push_back({"access-control-max-age", "600"});
  if (request.header("access-control-request-private-network") != nullptr)
    response.headers.push_back({"access-control-allow-private-network", "true"});
  return response;
}

}  // namespace gantry::http
