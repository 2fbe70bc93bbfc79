// What a new job may expect: how many go before it, and how long its first token will take; from what the
// engine has published. An estimate: answers end when they end. Pure; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "base/error.h"
#include "engine/engine.h"

namespace gantry::engine {

// `waiting`: the client of each answer that has not been admitted. Clients have turns: of others' answers
// only so many go first as this one's own would be served by then.
Outlook outlook_of(const EngineStats& stats, std::span<const uint64_t> waiting, uint64_t client,
                   uint64_t prompt_tokens);

// More waits than may, or the first token would come too late: kBusy, which knows in how many whole seconds,
// at least one, it is worth asking again.
class Busy : public Error {
 public:
  Busy(std::string what, double seconds);
  uint32_t retry_after() const { return retry_after_; }

 private:
  uint32_t retry_after_;
};

}  // namespace gantry::engine
