// Who answers what the wire brings: judges each request by its head, answers it when it is whole, and puts
// the wire's own refusals into words. Thread-safe; nothing here may block.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "http/http.h"
#include "http/reply.h"

namespace gantry::http {

// What a request is known by.
struct Marks {
  std::vector<Header> headers;  // that every answer to it carries
  std::string id;               // one of them
  bool quiet = false;           // asked so often that the log would be full of it
};

class Service {
 public:
  virtual ~Service() = default;

  // By the head alone, before a body is read: the refusal, or the answer that needs no body's reading.
  virtual std::optional<Response> judge(const Request& head) const = 0;
  // Answers a request that judge() let pass, now or later.
  virtual void answer(Request request, std::shared_ptr<Reply> reply) const = 0;
  virtual Marks marks_of(const Request& head) const = 0;
  // A refusal in words. `head`: nullptr when none could be read.
  virtual Response refusal(const Refusal& error, const Request* head) const = 0;

  // From now on new requests are refused with 503.
  virtual void drain() = 0;
};

}  // namespace gantry::http
