// The socket that clients connect to: listens, takes connections, ends them. start() returns when the port is
// open.
//
// Threads: `io_threads` move bytes and ask the service, which outlives the listener. Thread-safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "http/options.h"
#include "http/service.h"

namespace gantry::http {

struct ListenerStats {
  size_t connections = 0;       // open now
  size_t requests_in_work = 0;  // being answered now
  uint64_t requests = 0;        // heads read since the start
  uint64_t connections_refused = 0;
  uint64_t memory = 0, memory_peak = 0, memory_max = 0;  // bytes of requests: now, at most, the limit
};

class Listener {
 public:
  // Error kIo naming address and reason when the port cannot be opened, kUsage for an unreadable address.
  static std::unique_ptr<Listener> start(Service& service, const Options& options);
  // Cuts what still runs.
  virtual ~Listener() = default;

  virtual uint16_t port() const = 0;           // 0 for a unix socket
  virtual const std::string& url() const = 0;  // "http://127.0.0.1:8080", "http://[::1]:8080", "unix:/path"

  // Stops accepting, tells the service to refuse new requests, lets running answers finish for at most
  // `limit`, then cuts them, with words to the client where it reads. True when none was cut. Later calls
  // return the first one's result.
  virtual bool shutdown(std::chrono::milliseconds limit) = 0;

  virtual ListenerStats stats() const = 0;
};

}  // namespace gantry::http
