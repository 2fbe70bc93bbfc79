// What a client is told when memory was short for its request.
#pragma once

#include "http/http.h"
#include "os/memory_account.h"

namespace gantry::http {

// One request takes at most this part of what all may take.
inline constexpr uint64_t kRequestsPerMemory = 2;

inline Refusal refusal_of_shortage(const os::MemoryAccount& account) {
  const Error error = os::shortage_error(account);
  const ErrorFacts& facts = error_facts(error.code());
  return {facts.http_status, facts.name, error.message()};
}

}  // namespace gantry::http
