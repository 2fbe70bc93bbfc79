// Where the server is that is measured: http://host:port, with or without /v1 behind it, or unix:/path.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::bench {

struct Target {
  std::string url;        // as it was given, for people
  std::string unix_path;  // not empty: a unix socket
  std::string host;       // a name or an address, without brackets
  uint16_t port = 80;
  std::string authority;  // of the Host field
  std::string base;       // what stands before /v1: "" or "/some/path"

  std::string path(std::string_view route) const { return base + std::string(route); }
};

// Error kUsage where it is none; kUnsupported for https.
Target parse_target(const std::string& url);

// A request's bytes. `body`: JSON; of a GET empty. `key`: the bearer's, or empty.
std::string request_bytes(const Target& target, std::string_view method, std::string_view route,
                          std::string_view key, std::string_view body);

}  // namespace gantry::bench
