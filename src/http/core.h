// What the connections of one listener share. Thread-safe.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "http/options.h"
#include "http/service.h"

namespace gantry::http {

class Connection;

struct Core {
  // The service outlives it.
  Core(Service& answers, const Options& wanted) : options(wanted), service(answers) {}

  const Options options;
  Service& service;

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

  // Refusal 503 when there is no more.
  void need(size_t bytes) {
    if (bytes <= held_) return;
    const size_t more = bytes - held_;
    if (core_.body_bytes.fetch_add(more) + more > core_.options.bodies_bytes_max) {
      core_.body_bytes -= more;
      throw Refusal(503, "busy", "too many large bodies at one time");
    }
    held_ = bytes;
  }

 private:
  Core& core_;
  size_t held_ = 0;
};

}  // namespace gantry::http
