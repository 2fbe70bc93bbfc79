// Where the server listens and every limit it keeps. Each limit has a constant with a unit; the options start
// from them and may change them (tests use small ones).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "http/client_address.h"
#include "os/memory_account.h"

namespace gantry::http {

inline constexpr size_t kBodyBytesMax = size_t{16} << 20;  // one request's body
// All that requests become while they are received, prepared and answered: bodies, trees, prompts, answers.
inline constexpr uint64_t kRequestMemory = uint64_t{256} << 20;
inline constexpr size_t kHeaderBytesMax = size_t{16} << 10;  // request line and header fields
inline constexpr size_t kHeaderCountMax = 100;               // header fields
inline constexpr size_t kBodyBytesPerSecondMin =
    size_t{4096};  // a body (or a reader) slower than this is cut
inline constexpr size_t kConnectionsMax = 1024;
inline constexpr size_t kRequestQueueMax = 256;  // requests waiting for a request worker
inline constexpr size_t kStreamQueueBytesMax = size_t{2}
                                               << 20;  // one stream's text that its client did not read
inline constexpr std::chrono::milliseconds kHeaderDeadline{
    10'000};  // from a request's first byte to its head's end
inline constexpr std::chrono::milliseconds kBodyGrace{10'000};      // on top of what the least rate allows
inline constexpr std::chrono::milliseconds kMemoryPatience{5'000};  // of a body for which memory is short
inline constexpr std::chrono::milliseconds kIdleDeadline{75'000};   // between two requests of one connection
inline constexpr std::chrono::milliseconds kWriteDeadline{30'000};  // for one write, on top of the least rate
// A stream that says nothing for so long (a long prompt is being read) tells that it is there.
inline constexpr std::chrono::milliseconds kStreamKeepAlive{10'000};

struct Options {
  // An address ("127.0.0.1", "::1", "0.0.0.0"), "localhost", a name, or "unix:/path/of/socket".
  std::string host = "127.0.0.1";
  uint16_t port = 0;  // 0: the system picks one

  // Clients must send "Authorization: Bearer KEY" with one of them; empty: no keys asked.
  std::vector<std::string> api_keys;
  // Pages of these origins (OriginPattern of callers.h: "https://a.example", "http://*.lan:*", "*") may call
  // the server, besides those of localhost.
  std::vector<std::string> cors_origins;
  // Names (HostPattern: "host.docker.internal", "*.local", "*") that the Host header may carry, besides
  // localhost. None: when bound to loopback no other, else any.
  std::vector<std::string> allowed_hosts;

  TrustedProxies trusted_proxies;  // who may say for whom they ask

  uint32_t io_threads = 1;       // move bytes
  uint32_t request_workers = 2;  // parse, render, tokenize

  size_t body_bytes_max = kBodyBytesMax;
  uint64_t request_memory = kRequestMemory;
  size_t header_bytes_max = kHeaderBytesMax;
  size_t header_count_max = kHeaderCountMax;
  size_t body_bytes_per_second_min = kBodyBytesPerSecondMin;
  size_t connections_max = kConnectionsMax;
  size_t request_queue_max = kRequestQueueMax;
  size_t stream_queue_bytes_max = kStreamQueueBytesMax;
  std::chrono::milliseconds header_deadline = kHeaderDeadline;
  std::chrono::milliseconds body_grace = kBodyGrace;
  std::chrono::milliseconds memory_patience = kMemoryPatience;
  std::chrono::milliseconds idle_deadline = kIdleDeadline;
  std::chrono::milliseconds write_deadline = kWriteDeadline;
  std::chrono::milliseconds stream_keep_alive = kStreamKeepAlive;
  // For tests: sees the account of every request before it takes memory.
  std::function<void(const std::shared_ptr<os::MemoryAccount>&)> on_account = {};
  int send_buffer_bytes = 0;  // SO_SNDBUF of a connection; 0: the system's own
};

}  // namespace gantry::http
