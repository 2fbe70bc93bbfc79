// What the connections of one server share. Thread-safe.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "server/guard.h"
#include "server/options.h"
#include "server/router.h"
#include "server/work_queue.h"

namespace gantry::server {

class Connection;

struct Core {
  Core(fleet::Fleet& fleet, const ServerOptions& wanted, bool loopback)
      : options(wanted),
        guard(options, loopback),
        work(options.request_workers, options.request_queue_max),
        router(fleet, guard, work) {}

  const ServerOptions options;
  const Guard guard;
  WorkQueue work;
  Router router;

  std::atomic<size_t> requests_in_work = 0;
  std::atomic<uint64_t> requests = 0;
  std::atomic<uint64_t> connections_refused = 0;
  std::atomic<size_t> body_bytes = 0;  // of all requests being read or answered

  mutable std::mutex mutex;
  std::condition_variable changed;  // a connection ended
  std::unordered_map<Connection*, std::weak_ptr<Connection>> connections;
};

// A share of the memory that all bodies together may take; given back at the end.
class BodyShare {
 public:
  explicit BodyShare(Core& core) : core_(core) {}
  ~BodyShare() { core_.body_bytes -= held_; }
  BodyShare(const BodyShare&) = delete;
  BodyShare& operator=(const BodyShare&) = delete;

  // HttpError 503 when there is no more.
  void need(size_t bytes) {
    if (bytes <= held_) return;
    const size_t more = bytes - held_;
    if (core_.body_bytes.fetch_add(more) + more > core_.options.bodies_bytes_max) {
      core_.body_bytes -= more;
      throw HttpError(503, "server_error", "busy", "too many large bodies at one time");
    }
    held_ = bytes;
  }

 private:
  Core& core_;
  size_t held_ = 0;
};

}  // namespace gantry::server
