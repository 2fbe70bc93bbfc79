// Who sent a request: the peer of its connection or, where that is a proxy which the server was told to
// trust, whom the proxy names in X-Forwarded-For or Forwarded (RFC 7239). Immutable: any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/http.h"

namespace gantry::http {

using Address = std::array<uint8_t, 16>;  // of IPv4 as ::ffff:a.b.c.d

// IPv4 or IPv6; without zone or port.
std::optional<Address> parse_address(std::string_view text);
// The shortest form; IPv4 in its own.
std::string to_text(const Address& address);

class TrustedProxies {
 public:
  TrustedProxies() = default;
  // Addresses, networks ("10.0.0.0/8", "fd00::/8"), "unix" for whoever comes through a unix socket. Error
  // kUsage for what is none of them.
  explicit TrustedProxies(const std::vector<std::string>& texts);

  // `peer`: an address as to_text() writes it; empty: of a unix socket.
  bool trusts(std::string_view peer) const;
  // The last address on the request's way that is no trusted proxy; if all of them are, the first. `peer`
  // where it is not trusted, names nobody, or what it says cannot be read; and where both headers are there
  // and name different addresses, since one of them may be the client's own.
  std::string client_of(const std::string& peer, const std::vector<Header>& headers) const;

 private:
  struct Network {
    Address base;
    uint32_t bits;
  };
  class Way;
  static Network read_network(const std::string& text);
  bool trusts(const Address& address) const;

  std::vector<Network> networks_;
  bool unix_ = false;
};

}  // namespace gantry::http
