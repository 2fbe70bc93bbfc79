// The table of routes and what stands before it: who may call, which methods there are, whether the server is
// draining. Asks nothing of sockets. Thread-safe.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "fleet/fleet.h"
#include "server/guard.h"
#include "server/service.h"
#include "server/work_queue.h"

namespace gantry::server {

class Router final : public Service {
 public:
  // All outlive the router.
  Router(fleet::Fleet& fleet, const Guard& guard, WorkQueue& work)
      : fleet_(fleet), guard_(guard), work_(work) {}

  std::optional<HttpResponse> judge(const HttpRequest& head) const override;
  // At once, or from a request worker.
  void answer(HttpRequest request, std::shared_ptr<Reply> reply) const override;
  std::vector<Header> common_headers(const HttpRequest& head) const override;
  HttpResponse refusal(const HttpError& error, const HttpRequest* head) const override;
  void drain() override { draining_.store(true); }

 private:
  fleet::Fleet& fleet_;
  const Guard& guard_;
  WorkQueue& work_;
  std::atomic<bool> draining_ = false;
};

}  // namespace gantry::server
