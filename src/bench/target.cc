#include "bench/target.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "http/http_syntax.h"

namespace gantry::bench {
namespace {

constexpr size_t kUrlBytesMax = 2048;
constexpr size_t kUnixPathMax = 107;  // as sockaddr_un holds

[[noreturn]] void refuse_url(std::string what) {
  throw Error(ErrorCode::kUsage, std::move(what), "url", "for example http://127.0.0.1:8421");
}

void read_authority(std::string_view text, Target& out) {
  out.authority = text;
  size_t colon = text.rfind(':');
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == std::string_view::npos) refuse_url("a bracket of the address does not close");
    out.host = text.substr(1, end - 1);
    colon = end + 1 < text.size() ? end + 1 : std::string_view::npos;
    if (colon != std::string_view::npos && text[colon] != ':')
      refuse_url("what follows the address is no port");
  } else {
    out.host = text.substr(0, colon);
  }
  if (out.host.empty()) refuse_url("there is no host in it");
  if (colon == std::string_view::npos) return;
  const auto port = http::read_port(text.substr(colon + 1));
  if (!port || *port == 0) refuse_url(fmt::format("'{}' is no port", text.substr(colon + 1)));
  out.port = *port;
}

}  // namespace

Target parse_target(const std::string& url) {
  constexpr std::string_view kHttp = "http://", kHttps = "https://", kUnix = "unix:", kVersion = "/v1";
  Target out;
  out.url = url;
  if (url.size() > kUrlBytesMax)
    refuse_url(fmt::format("it has {} bytes, at most {}", url.size(), kUrlBytesMax));
  if (url.starts_with(kHttps))
    throw Error(
        ErrorCode::kUnsupported, "https is not spoken yet", "url",
        "measure the server behind its proxy by http, or through a tunnel: ssh -L 8421:127.0.0.1:8421 host");
  if (!std::ranges::all_of(url, [](char c) { return c > 0x20 && c < 0x7f; }))
    refuse_url("a character that no URL has");
  if (url.starts_with(kUnix)) {
    out.unix_path = url.substr(kUnix.size());
    out.authority = "localhost";
    if (out.unix_path.empty() || out.unix_path.size() > kUnixPathMax)
      refuse_url(fmt::format("the path of a unix socket has from 1 to {} bytes", kUnixPathMax));
    return out;
  }
  const size_t scheme = url.find("://");
  if (scheme != std::string::npos && !url.starts_with(kHttp)) refuse_url("only http:// is spoken");
  std::string_view rest = url;
  if (scheme != std::string::npos) rest.remove_prefix(kHttp.size());
  const size_t slash = std::min(rest.find('/'), rest.size());
  if (rest.find_first_of("?#@") != std::string_view::npos) refuse_url("a URL of a server has no ?, # or @");
  read_authority(rest.substr(0, slash), out);
  std::string_view base = rest.substr(slash);
  while (base.ends_with('/')) base.remove_suffix(1);
  if (base.ends_with(kVersion)) base.remove_suffix(kVersion.size());
  out.base = base;
  return out;
}

std::string request_bytes(const Target& target, std::string_view method, std::string_view route,
                          std::string_view key, std::string_view body) {
  std::string out = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: gantry-bench\r\n", method,
                                target.path(route), target.authority);
  if (!key.empty()) out += fmt::format("Authorization: Bearer {}\r\n", key);
  if (method == "POST")
    out += fmt::format(
        "Accept: text/event-stream\r\nContent-Type: application/json\r\nContent-Length: {}\r\n", body.size());
  out += "\r\n";
  return out.append(body);
}

}  // namespace gantry::bench
