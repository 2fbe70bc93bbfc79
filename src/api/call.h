// One request on its way through a route.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/dialect.h"
#include "api/field_names.h"
#include "api/loading.h"
#include "api/work_queue.h"
#include "http/listener.h"
#include "http/reply.h"
#include "os/memory_account.h"

namespace gantry::api {

class Models;

// Who is answered, and in whose words. Copies speak to the same client.
struct Asker {
  const Dialect* dialect = nullptr;
  const Route* route = nullptr;
  std::shared_ptr<http::Reply> reply;
  std::shared_ptr<os::MemoryAccount> account;  // whose memory the work takes
  Load load = {};
  std::shared_ptr<WorkQueue>
      work;               // of its own right: the server may go before a model that was asked for comes
  FieldNames names = {};  // the client's, once its body is parsed

  void answer_json(std::string body, std::vector<http::Header> headers = {}) const;
  void refuse(const http::Refusal& refusal) const;
  // Puts a step of the work on a request worker; refuses when too much waits.
  void post(std::function<void()> step) const;
  // Does one step of the work, as long as the client is there, under the request's account;
  // what it throws is the answer.
  void attempt(const std::function<void()>& step) const;
  // The same where the answer has begun: what it threw is returned.
  std::optional<http::Refusal> fault_of(const std::function<void()>& step) const;
};

struct Call {
  http::Request& request;  // until the handler returns, which may let go of its body before
  std::string rest;        // what a prefix route left of the path
  const Models& models;
  const http::Listener* listener;  // whose figures are told; nullptr before there is one
  const Loading& loading;
  Asker asker;
};

// Behind a body of JSON, which then ends as a line does: in a terminal the prompt comes on one of its own.
inline constexpr char kBodyEnd = '\n';

// `body`: without that.
http::Response json_response(std::string body, int status, std::vector<http::Header> headers = {});

// Why an answer is none, for the log: settings are flags there.
http::Cause cause_of(const http::Refusal& refusal);

// A refusal as the dialect's error, with what every answer of its status carries.
http::Response error_response(const Dialect& dialect, const http::Refusal& refusal);

}  // namespace gantry::api
