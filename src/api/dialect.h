// A dialect: one family of clients' way of asking and being answered. It is a table of routes, each with a
// handler that parses its body into the house's own request and picks a writer for the answer; the shape of
// its errors; and where a client of it carries its key. All of it immutable: any thread.
//
// Everything else (who may call, threads, models, choices, streams, clients that go away) is the same for all
// dialects and stands in this folder; a dialect is a folder below it, and one line in server/dialects.cc.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "http/guard.h"
#include "http/http.h"

namespace gantry::api {

struct Call;

enum class Key : uint8_t { kAsked, kFree };
// kAtOnce: on a network thread, for what costs nothing.
enum class Cost : uint8_t { kAtOnce, kWorker };

// A path that ends in '*' takes any rest that is not empty. HEAD goes where GET goes.
struct Route {
  std::string_view method, path;
  Key key;
  Cost cost;
  // Answers, or has the answer come later; what it throws becomes the dialect's error.
  void (*handler)(Call& call);
  // Not empty: only requests with this header (lower case), before all routes that ask for none. So two
  // dialects can share a path.
  std::string_view header = {};
  // For those who watch the server, and ask all the time: the log has it at level debug only, and it is
  // answered also while the model is being loaded.
  bool watches = false;
};

class Dialect {
 public:
  virtual ~Dialect() = default;

  virtual std::string_view name() const = 0;
  virtual std::span<const Route> routes() const = 0;

  // Status and body of an error.
  virtual http::Response error(const http::Refusal& refusal) const = 0;

  // The key that a request carries, empty when none; and how a client is told to send one.
  virtual std::string_view key_of(const http::Request& request) const { return http::bearer_key(request); }
  virtual std::string_view key_words() const { return "send 'Authorization: Bearer KEY'"; }

  // The header by which its clients know an answer.
  virtual std::string_view request_id_header() const { return "x-request-id"; }
};

}  // namespace gantry::api
