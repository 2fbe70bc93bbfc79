// Where to listen, read from ServerOptions::host.
#pragma once

#include <cstdint>
#include <string>

#include "server/options.h"

namespace gantry::server {

struct Endpoint {
  std::string unix_path;  // not empty: a unix socket
  std::string address;    // numeric, or a name to resolve
  uint16_t port = 0;
  bool loopback = false;  // only this machine reaches it
};

// Error kUsage for what cannot be read.
Endpoint parse_endpoint(const ServerOptions& options);
std::string url_of(const Endpoint& endpoint, uint16_t port);

// Removes a unix socket that nobody listens on any more. Error kIo when somebody does, or it is no socket.
void clear_stale_socket(const std::string& path);

}  // namespace gantry::server
