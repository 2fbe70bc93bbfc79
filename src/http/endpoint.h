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

// Removes a unix socket that nobody listens on any more, and says so in the log. Error kIo when somebody
// does, or it is no socket.
void clear_stale_socket(const std::string& path);

// The file of a unix socket, from when it was bound until its end; one that another server has put in its
// place meanwhile is left.
class SocketFile {
 public:
  SocketFile() = default;
  ~SocketFile() { remove(); }
  SocketFile(const SocketFile&) = delete;
  SocketFile& operator=(const SocketFile&) = delete;

  void bound(const std::string& path);
  void remove();

 private:
  std::string path_;  // empty: none
  uint64_t device_ = 0, inode_ = 0;
};

}  // namespace gantry::http
