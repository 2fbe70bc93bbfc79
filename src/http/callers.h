// Names and origins that settings allow, as patterns. Immutable: any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gantry::http {

// "example.org:80" -> "example.org", "[::1]:80" -> "::1"; lower case. Nothing for what is no host with or
// without a port (RFC 9112, section 3.2): others might read another host in it.
std::optional<std::string> host_name_of(std::string_view authority);
bool is_address_literal(std::string_view host_name);

// Where a web page comes from: "https://a.example:8443", parsed. In lower case; the port 0 where it is the
// scheme's own.
struct Origin {
  std::string scheme, host;
  uint16_t port = 0;
};
// Nothing for what is none ("null"), or has more than scheme, host and port.
std::optional<Origin> read_origin(std::string_view text);

// "box.lan"; "*.internal": every name that ends so; "*": every name.
class HostPattern {
 public:
  // Error kUsage, where = "allowed_host", for what no Host header can match.
  explicit HostPattern(const std::string& text);
  bool matches(std::string_view host_name) const;  // as host_name_of() writes it

 private:
  friend class OriginPattern;
  HostPattern() = default;

  bool any_ = false;
  std::string name_;  // or, with a dot in front, its end
};

// "https://a.example", "http://*.lan:8080", "http://localhost:*" (any port, or none),
// "chrome-extension://*"; "*": all; "null": pages without an origin.
class OriginPattern {
 public:
  // Error kUsage, where = "cors_origin", for what no Origin header can match.
  explicit OriginPattern(const std::string& text);
  bool matches(std::string_view origin) const;

 private:
  bool any_ = false, null_ = false;
  std::string scheme_;
  HostPattern host_;
  std::optional<uint16_t> port_;  // nothing: any
};

}  // namespace gantry::http
