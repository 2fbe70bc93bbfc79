// Where to listen, read from Options::host.
#pragma once

#include <cstdint>
#include <string>

#include "http/options.h"

namespace gantry::http {

struct Endpoint {
  std::string unix_path;  // not empty: a unix socket
  std::string address;    // numeric, or a name to resolve
  uint16_t port = 0;
  bool loopback = false;  // only this machine reaches it
};

// Error kUsage for what cannot be read.
Endpoint parse_endpoint(const Options& options);
std::string url_of(const Endpoint& endpoint, uint16_t port);

// Removes a unix socket that nobody listens on any more. Error kIo when somebody does, or it is no socket.
void clear_stale_socket(const std::string& path);

}  // namespace gantry::http
