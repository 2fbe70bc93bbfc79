// What the connections of one listener share. Thread-safe.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "http/body_ledger.h"
#include "http/options.h"
#include "http/service.h"
#include "http/shortage.h"
#include "os/memory_account.h"

namespace gantry::http {

class Connection;

struct Core {
  // The service outlives it.
  Core(Service& answers, const Options& wanted)
      : options(wanted),
        service(answers),
        memory(std::make_shared<os::MemoryPool>(wanted.request_memory)),
        bodies(wanted.request_memory / kRequestsPerMemory) {}

  const Options options;
  Service& service;
  const std::shared_ptr<os::MemoryPool> memory;  // of all requests
  BodyLedger bodies;

  std::atomic<size_t> requests_in_work = 0;
  std::atomic<uint64_t> requests = 0;
  std::atomic<uint64_t> connections_refused = 0;
  std::atomic<uint64_t> connections_seen = 0;

  mutable std::mutex mutex;
  std::condition_variable changed;  // a connection ended
  std::unordered_map<Connection*, std::weak_ptr<Connection>> connections;
  std::unordered_map<std::string, size_t> connections_of;  // by address
};

}  // namespace gantry::http
