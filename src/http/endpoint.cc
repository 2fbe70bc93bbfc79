#include "http/endpoint.h"

#include <cerrno>
#include <cstring>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "http/guard.h"

namespace gantry::http {

Endpoint parse_endpoint(const Options& options) {
  constexpr std::string_view kUnix = "unix:";
  Endpoint endpoint;
  if (options.host.starts_with(kUnix)) {
    endpoint.unix_path = options.host.substr(kUnix.size());
    endpoint.loopback = false;  // no name leads to a file: nothing to check in Host
    if (endpoint.unix_path.empty() || endpoint.unix_path.size() >= sizeof(sockaddr_un::sun_path))
      throw Error(ErrorCode::kUsage, "the path of a unix socket must have from 1 to 107 bytes", options.host);
    return endpoint;
  }
  if (options.host.empty()) throw Error(ErrorCode::kUsage, "no address to listen on", "host");
  endpoint.address = options.host;
  if (endpoint.address.starts_with('[') && endpoint.address.ends_with(']'))
    endpoint.address = endpoint.address.substr(1, endpoint.address.size() - 2);
  endpoint.loopback = is_loopback_name(endpoint.address);
  if (endpoint.address == "localhost") endpoint.address = "127.0.0.1";
  endpoint.port = options.port;
  return endpoint;
}

std::string url_of(const Endpoint& endpoint, uint16_t port) {
  if (!endpoint.unix_path.empty()) return "unix:" + endpoint.unix_path;
  const bool six = endpoint.address.find(':') != std::string::npos;
  return "http://" + (six ? "[" + endpoint.address + "]" : endpoint.address) + ":" + std::to_string(port);
}

void clear_stale_socket(const std::string& path) {
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0) return;
  if (!S_ISSOCK(info.st_mode)) throw Error(ErrorCode::kIo, "there is a file that is no socket", path);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (probe < 0)
    throw Error(ErrorCode::kIo, std::string("no socket to be had: ") + std::strerror(errno), path);
  const int result = connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  const int error = errno;
  ::close(probe);
  if (result == 0) throw Error(ErrorCode::kIo, "another server listens there", path);
  if (error != ECONNREFUSED) return;
  log::warn("http", "{}: a socket that nobody listened on any more is replaced", path);
  unlink(path.c_str());
}

void SocketFile::bound(const std::string& path) {
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0) return;
  path_ = path;
  device_ = info.st_dev;
  inode_ = info.st_ino;
}

void SocketFile::remove() {
  struct stat info {};
  if (!path_.empty() && lstat(path_.c_str(), &info) == 0 && info.st_dev == device_ && info.st_ino == inode_)
    unlink(path_.c_str());
  path_.clear();
}

}  // namespace gantry::http
