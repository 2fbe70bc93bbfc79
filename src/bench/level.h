// One level of load on one server: closed-loop clients, each of which asks again once it is answered, or an
// open loop, whose conversations begin at random moments whatever the server does. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bench/figures.h"
#include "bench/traffic.h"
#include "bench/wire.h"

namespace gantry::bench {

inline constexpr uint32_t kClientsMax = 1u << 16;
inline constexpr double kRateMax = 1e6;
// Of an open loop, under way at the same time; what would come beyond fails.
inline constexpr size_t kUnderWayMax = 1u << 16;

struct Load {
  uint32_t clients = 0;                   // 0: an open loop
  double rate = 0;                        // conversations a second
  uint64_t requests_max = 0;              // 0: no limit
  std::chrono::milliseconds duration{0};  // how long requests are begun; 0: no limit
};

struct LevelProgress {
  const Figures& figures;
  uint64_t under_way = 0;
  double seconds = 0;
};

// What a level asks of its caller, a few times a second.
struct LevelHooks {
  std::function<bool()> stopped;  // true: all that is under way is cut, and the level ends
  std::function<void(const LevelProgress&)> progress;
};

// `keys`: clients send them in turn; empty: none. Errors of requests are figures.
Figures run_level(boost::asio::io_context& io, Wire& wire, const Form& form, const Traffic& traffic,
                  const Load& load, uint64_t seed, const std::vector<std::string>& keys,
                  const LevelHooks& hooks);

// Of one request. `due`: from when on its times count.
boost::asio::awaitable<Outcome> ask_once(Wire& wire, const std::string& request, uint32_t new_tokens,
                                         std::optional<uint32_t> cancel_after, bool keep_text,
                                         std::chrono::steady_clock::time_point due);

const char* route_of(Api api);

}  // namespace gantry::bench
