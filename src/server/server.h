// The HTTP door: listens, answers every dialect over a Fleet, streams. start() returns when the port is open.
//
// Threads: `io_threads` move bytes, `request_workers` parse and start requests; deltas come on the
// completers' workers. No thread of an engine ever waits for a client. The fleet outlives the server.
// Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fleet/fleet.h"
#include "http/listener.h"
#include "http/options.h"
#include "server/dialects.h"

namespace gantry::server {

class Server {
 public:
  // kLoading: until loaded() is called /health tells what loading() said last, and all else is refused with
  // 503. Errors as Listener::start.
  enum class Begins : uint8_t { kReady, kLoading };
  static std::unique_ptr<Server> start(fleet::Fleet& fleet, const http::Options& options = {},
                                       const std::vector<const api::Dialect*>& dialects = all_dialects(),
                                       Begins begins = Begins::kReady);
  // Cuts what still runs.
  virtual ~Server() = default;

  virtual uint16_t port() const = 0;           // 0 for a unix socket
  virtual const std::string& url() const = 0;  // "http://127.0.0.1:8080", "http://[::1]:8080", "unix:/path"

  virtual void loading(std::string_view stage, double fraction) = 0;
  virtual void loaded() = 0;
  // From now on clients are asked for one of these.
  virtual void set_api_keys(std::vector<std::string> keys) = 0;

  // Stops accepting, refuses new requests with 503, lets running answers finish for at most `limit`, then
  // cuts them. True when none was cut. Later calls return the first one's result.
  virtual bool shutdown(std::chrono::milliseconds limit) = 0;

  virtual http::ListenerStats stats() const = 0;
};

}  // namespace gantry::server
