#include "api/house/metrics.h"

#include <string>
#include <string_view>

#include <fmt/format.h>

#include "api/call.h"

namespace gantry::api::house {
namespace {

void write(std::string& out, std::string_view name, std::string_view type, std::string_view words,
           uint64_t value) {
  out +=
      fmt::format("# HELP gantry_{0} {1}\n# TYPE gantry_{0} {2}\ngantry_{0} {3}\n", name, words, type, value);
}

}  // namespace

void metrics(Call& call) {
  const http::ListenerStats stats = call.listener == nullptr ? http::ListenerStats() : call.listener->stats();
  std::string out;
  write(out, "requests_total", "counter", "Requests whose head was read.", stats.requests);
  write(out, "requests_in_work", "gauge", "Requests that are being answered.", stats.requests_in_work);
  write(out, "connections", "gauge", "Open connections.", stats.connections);
  write(out, "connections_refused_total", "counter", "Connections refused because too many were open.",
        stats.connections_refused);
  write(out, "request_memory_bytes", "gauge", "Memory that requests and their answers take.", stats.memory);
  write(out, "request_memory_peak_bytes", "gauge", "The most of it since the start.", stats.memory_peak);
  write(out, "request_memory_limit_bytes", "gauge", "The most that they may take (request_memory).",
        stats.memory_max);
  call.asker.reply->send({.status = 200,
                          .headers = {},
                          .content_type = "text/plain; version=0.0.4; charset=utf-8",
                          .body = std::move(out)});
}

}  // namespace gantry::api::house
