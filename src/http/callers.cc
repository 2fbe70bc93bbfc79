#include "http/callers.h"

#include <algorithm>

#include <arpa/inet.h>
#include <fmt/format.h>

#include "base/error.h"
#include "http/http_syntax.h"

namespace gantry::http {
namespace {

constexpr size_t kQuotedMax = 200;  // bytes of a pattern that an error repeats

bool is_address_of(int family, std::string_view text) {
  in6_addr address{};  // large enough for both families
  return text.find('\0') == std::string_view::npos &&
         inet_pton(family, std::string(text).c_str(), &address) == 1;
}

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// RFC 3986, section 3.2.2: unreserved characters, percent-encoded ones, sub-delimiters. No user information.
bool is_registered_name(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size() || hex_digit(text[i + 1]) < 0 || hex_digit(text[i + 2]) < 0) return false;
      i += 2;
      continue;
    }
    if (!is_letter_or_digit(c) && std::string_view("-._~!$&'()*+,;=").find(c) == std::string_view::npos)
      return false;
  }
  return true;
}

std::string lower(std::string_view text) {
  std::string out;
  for (const char c : text) out += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

// "[::1]:80" -> "[::1]" and "80".
struct Authority {
  std::string_view host, port;
  bool with_port = false;
};
Authority cut(std::string_view text) {
  const size_t host_end = text.starts_with('[') ? text.find(']') : 0;
  const size_t colon = host_end == std::string_view::npos ? host_end : text.find(':', host_end);
  if (colon == std::string_view::npos) return {text, {}};
  return {text.substr(0, colon), text.substr(colon + 1), true};
}

bool is_scheme(std::string_view text) {
  return !text.empty() && !(text[0] >= '0' && text[0] <= '9') && std::ranges::all_of(text, [](char c) {
    return is_letter_or_digit(c) || c == '+' || c == '-' || c == '.';
  });
}

// Browsers leave it out.
uint16_t without_own_port(std::string_view scheme, uint16_t port) {
  return (scheme == "http" && port == 80) || (scheme == "https" && port == 443) ? 0 : port;
}

[[noreturn]] void refuse(const char* setting, std::string_view text, std::string_view what,
                         std::string mend) {
  throw Error(ErrorCode::kUsage, fmt::format("'{}' {}", text.substr(0, kQuotedMax), what), setting,
              std::move(mend));
}

}  // namespace

std::optional<std::string> host_name_of(std::string_view authority) {
  std::string_view host, rest;
  if (authority.starts_with('[')) {
    const size_t end = authority.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    host = authority.substr(1, end - 1);
    rest = authority.substr(end + 1);
    if (!is_address_of(AF_INET6, host)) return std::nullopt;
  } else {
    const size_t end = std::min(authority.find(':'), authority.size());
    host = authority.substr(0, end);
    rest = authority.substr(end);
    if (!is_registered_name(host)) return std::nullopt;
  }
  if (!rest.empty() && (rest[0] != ':' || !read_port(rest.substr(1)))) return std::nullopt;
  std::string out = lower(host);
  if (out.ends_with('.')) out.pop_back();
  return out;
}

bool is_address_literal(std::string_view host_name) {
  return is_address_of(AF_INET, host_name) || is_address_of(AF_INET6, host_name);
}

std::optional<Origin> read_origin(std::string_view text) {
  const size_t scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos || !is_scheme(text.substr(0, scheme_end))) return std::nullopt;
  const std::string_view authority = text.substr(scheme_end + 3);
  const std::optional<std::string> host = host_name_of(authority);
  if (!host || host->empty()) return std::nullopt;
  Origin out{lower(text.substr(0, scheme_end)), *host, read_port(cut(authority).port).value_or(0)};
  out.port = without_own_port(out.scheme, out.port);
  return out;
}

HostPattern::HostPattern(const std::string& text) {
  constexpr const char* kSetting = "allowed_host";
  any_ = text == "*";
  if (any_) return;
  if (is_address_literal(text)) {
    name_ = lower(text);
    return;
  }
  const std::string_view name = text.starts_with("*.") ? std::string_view(text).substr(1) : text;
  if (name.find('*') != std::string_view::npos)
    refuse(kSetting, text, "has a '*' where none can stand",
           "write *.internal, or a whole name, or * for all");
  if (text.find("://") != std::string::npos || text.find('/') != std::string::npos)
    refuse(kSetting, text, "is no name", "write only the name, without a scheme and a path");
  if (cut(text).with_port)
    refuse(kSetting, text, "is no name", "write it without the port: a client may call on any");
  const std::optional<std::string> host = host_name_of(name);
  if (!host || host->empty() || *host == ".")
    refuse(kSetting, text, "is no name", "for example host.docker.internal");
  name_ = *host;
}

bool HostPattern::matches(std::string_view host_name) const {
  if (any_) return true;
  if (name_.starts_with('.')) return host_name.size() > name_.size() && host_name.ends_with(name_);
  return host_name == name_;
}

OriginPattern::OriginPattern(const std::string& text) {
  constexpr const char* kSetting = "cors_origin";
  any_ = text == "*";
  null_ = text == "null";
  if (any_ || null_) return;
  const size_t scheme_end = text.find("://");
  if (scheme_end == std::string::npos || !is_scheme(std::string_view(text).substr(0, scheme_end)))
    refuse(kSetting, text, "is no origin", "an origin begins with its scheme: https://app.example");
  scheme_ = lower(std::string_view(text).substr(0, scheme_end));
  const std::string_view authority = std::string_view(text).substr(scheme_end + 3);
  if (authority.find_first_of("/?#@") != std::string_view::npos)
    refuse(kSetting, text, "is no origin", "an origin ends with its host or port: https://app.example:8443");
  const Authority parts = cut(authority);
  if (parts.host == "*") {
    host_.any_ = true;
  } else {
    const bool end = parts.host.starts_with("*.");
    const std::optional<std::string> name = host_name_of(end ? parts.host.substr(1) : parts.host);
    if (!name || name->empty() || *name == "." || name->find('*') != std::string::npos)
      refuse(kSetting, text, "is no origin", "its host is a name, *.app.example, or *");
    host_.name_ = *name;
  }
  if (parts.with_port && parts.port == "*") return;
  const std::optional<uint16_t> port = read_port(parts.port);
  if (!port || (parts.with_port && *port == 0))
    refuse(kSetting, text, "is no origin", "its port is a number from 1 to 65535, or *");
  port_ = without_own_port(scheme_, *port);
}

bool OriginPattern::matches(std::string_view origin) const {
  if (any_) return true;
  if (null_) return origin == "null";
  const std::optional<Origin> given = read_origin(origin);
  return given && given->scheme == scheme_ && host_.matches(given->host) && (!port_ || *port_ == given->port);
}

}  // namespace gantry::http
