// The routes of all dialects in one table and what stands before it: who may call, which methods there are,
// whether the server is draining. Asks nothing of sockets. Thread-safe.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "api/dialect.h"
#include "api/models.h"
#include "api/work_queue.h"
#include "http/guard.h"
#include "http/listener.h"
#include "http/service.h"

namespace gantry::api {

class Router final : public http::Service {
 public:
  // All but `work` outlive the router. The first dialect writes the errors of no route. No two routes may
  // take the same requests: of one method, path and header there is one.
  Router(const std::vector<const Dialect*>& dialects, const Models& models, const http::Guard& guard,
         const Loading& loading, std::shared_ptr<WorkQueue> work);

  std::optional<http::Response> judge(const http::Request& head) const override;
  // At once, or from a request worker.
  void answer(http::Request request, std::shared_ptr<http::Reply> reply) const override;
  http::Marks marks_of(const http::Request& head) const override;
  // In the words of the dialect whose path it is.
  http::Response refusal(const http::Refusal& refusal, const http::Request* head) const override;
  void drain() override { draining_.store(true); }
  // Whose figures /metrics tells; before there is one it tells zeros.
  void watch(const http::Listener* listener) { listener_.store(listener); }

 private:
  struct Entry {
    const Route* route;
    const Dialect* dialect;
  };
  // nullptr: no route takes the request's path, with that method (empty: any).
  const Entry* find(const http::Request& head, std::string_view path, std::string_view method) const;
  // nullptr: no route takes its path.
  const Entry* entry_of(const http::Request& head) const;
  const Dialect& dialect_of(const http::Request& head) const;
  void check_caller(const http::Request& head) const;
  std::optional<http::Response> judge_path(const http::Request& head) const;
  std::string methods_of(const http::Request& head, std::string_view path) const;
  std::string likely_path(const http::Request& head, const std::string& path) const;
  http::Refusal no_such_path(const http::Request& head, const std::string& path) const;

  std::vector<Entry> entries_;  // those that ask for a header before the others
  const Dialect& default_dialect_;
  const Models& models_;
  const http::Guard& guard_;
  const Loading& loading_;
  const std::shared_ptr<WorkQueue> work_;
  std::atomic<bool> draining_ = false;
  std::atomic<const http::Listener*> listener_ = nullptr;
};

}  // namespace gantry::api
