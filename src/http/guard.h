// Who may call: the Host header against DNS rebinding, the Origin of web pages, the keys. Any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/callers.h"
#include "http/http.h"
#include "http/options.h"

namespace gantry::http {

class Guard {
 public:
  // `loopback`: only this machine reaches the port, so only this machine's names are believed in Host. Beyond
  // it any name is, unless the options list some: then those and this machine's. Error
  // kUsage for what no Host or Origin can match (callers.h).
  Guard(const Options& options, bool loopback);

  // Refusal 400 (no Host, or what is none), 403 (foreign Host or Origin).
  void check_origin(const Request& request) const;
  // Refusal 401 with `words` on how to send a key. The time taken tells nothing of the keys.
  void check_key(std::string_view given, std::string_view words) const;

  // Whose request it is, where there are several keys and it has one of them: each key is a client, whatever
  // address it comes from.
  std::optional<uint64_t> client_of(std::string_view given) const;

  // Instead of those that the options had. None: no key is asked for.
  void set_keys(std::vector<std::string> keys);

  // What a browser needs to see in the answer to an allowed Origin; empty without one. `exposed`: names of
  // headers that a page may read.
  std::vector<Header> cors_headers(const Request& request, std::string_view exposed) const;
  // The answer to a browser's question before it sends a request, without cors_headers().
  Response preflight(const Request& request, std::string_view methods) const;

 private:
  bool origin_allowed(std::string_view origin, const std::string* host) const;

  using Keys = std::shared_ptr<const std::vector<std::string>>;
  Keys keys() const;

  mutable std::mutex mutex_;
  Keys keys_;
  const std::vector<OriginPattern> origins_;
  const std::vector<HostPattern> hosts_;
  const bool check_host_;
};

// The key of "Authorization: Bearer KEY"; empty without one.
std::string_view bearer_key(const Request& request);

bool is_loopback_name(std::string_view host_name);

// Equal or not, in time that depends on the lengths only.
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace gantry::http
