// The table of routes and what stands before it: who may call, which methods there are, whether the server is
// draining. Asks nothing of sockets. Thread-safe.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>

#include "fleet/fleet.h"
#include "server/guard.h"
#include "server/http.h"
#include "server/reply.h"
#include "server/work_queue.h"

namespace gantry::server {

class Router {
 public:
  // All outlive the router.
  Router(fleet::Fleet& fleet, const Guard& guard, WorkQueue& work)
      : fleet_(fleet), guard_(guard), work_(work) {}

  // Judged by the head alone, before a body is read: the refusal, or the answer that needs no body's reading.
  std::optional<HttpResponse> judge(const HttpRequest& head) const;
  // Answers a request that judge() let pass: at once, or from a request worker.
  void answer(HttpRequest request, std::shared_ptr<Reply> reply) const;
  // What every answer to this request carries.
  std::vector<Header> common_headers(const HttpRequest& head) const;

  // From now on new requests are refused with 503.
  void drain() { draining_.store(true); }
  bool draining() const { return draining_.load(); }

 private:
  fleet::Fleet& fleet_;
  const Guard& guard_;
  WorkQueue& work_;
  std::atomic<bool> draining_ = false;
};

}  // namespace gantry::server
