#include "server/server.h"

#include <memory>
#include <system_error>
#include <utility>

#include "api/loading.h"
#include "api/router.h"
#include "api/work_queue.h"
#include "base/error.h"
#include "http/endpoint.h"
#include "http/guard.h"

namespace gantry::server {
namespace {

// Members stand in the order in which they need each other.
class FleetServer final : public Server {
 public:
  FleetServer(fleet::Fleet& fleet, const http::Options& options,
              const std::vector<const api::Dialect*>& dialects, Begins begins)
      : guard_(options, parse_endpoint(options).loopback),
        work_(std::make_shared<api::WorkQueue>(options.request_workers, options.request_queue_max)),
        models_(fleet),
        router_(dialects, models_, guard_, loading_, work_),
        listener_(begin(router_, options, begins, loading_)) {
    router_.watch(listener_.get());
  }
  ~FleetServer() override { shutdown(std::chrono::milliseconds(0)); }

  uint16_t port() const override { return listener_->port(); }
  const std::string& url() const override { return listener_->url(); }
  void loading(std::string_view stage, double fraction) override { loading_.tell(stage, fraction); }
  void loaded() override { loading_.end(); }
  void set_api_keys(std::vector<std::string> keys) override { guard_.set_keys(std::move(keys)); }
  bool shutdown(std::chrono::milliseconds limit) override {
    const bool whole = listener_->shutdown(limit);
    work_->close();  // before the listener goes, which replies still know
    return whole;
  }
  http::ListenerStats stats() const override { return listener_->stats(); }

 private:
  static std::unique_ptr<http::Listener> begin(api::Router& router, const http::Options& options,
                                               Begins begins, api::Loading& loading) {
    if (begins == Begins::kLoading) loading.begin();
    return http::Listener::start(router, options);
  }

  http::Guard guard_;
  api::Loading loading_;
  const std::shared_ptr<api::WorkQueue> work_;
  const api::Models models_;
  api::Router router_;
  const std::unique_ptr<http::Listener> listener_;
};

}  // namespace

std::unique_ptr<Server> Server::start(fleet::Fleet& fleet, const http::Options& options,
                                      const std::vector<const api::Dialect*>& dialects, Begins begins) {
  try {
    return std::make_unique<FleetServer>(fleet, options, dialects, begins);
  } catch (const std::system_error& error) {
    throw Error(ErrorCode::kIo, error.what(), "",
                "the system is short of what the words name: see ulimit -a");
  }
}

}  // namespace gantry::server
