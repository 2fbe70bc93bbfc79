// The table of routes and what stands before it: who may call, which methods there are, whether the server is
// draining. Asks nothing of sockets. Thread-safe.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "api/work_queue.h"
#include "fleet/fleet.h"
#include "http/guard.h"
#include "http/service.h"

namespace gantry::api {

class Router final : public http::Service {
 public:
  // All outlive the router.
  Router(fleet::Fleet& fleet, const http::Guard& guard, WorkQueue& work)
      : fleet_(fleet), guard_(guard), work_(work) {}

  std::optional<http::Response> judge(const http::Request& head) const override;
  // At once, or from a request worker.
  void answer(http::Request request, std::shared_ptr<http::Reply> reply) const override;
  std::vector<http::Header> common_headers(const http::Request& head) const override;
  http::Response refusal(const http::Refusal& error, const http::Request* head) const override;
  void drain() override { draining_.store(true); }

 private:
  fleet::Fleet& fleet_;
  const http::Guard& guard_;
  WorkQueue& work_;
  std::atomic<bool> draining_ = false;
};

}  // namespace gantry::api
