// The bodies that are being received: how many bytes of each are there, how fast they come, from where. When
// memory for requests is short, the slowest gives way, so that nobody keeps memory from others by sending
// slowly; and the bodies of one address never take more than half of it. Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace gantry::http {

class BodyLedger {
 public:
  using Clock = std::chrono::steady_clock;

  // address_bytes_max: of all bodies of one address.
  explicit BodyLedger(uint64_t address_bytes_max) : address_bytes_max_(address_bytes_max) {}
  BodyLedger(const BodyLedger&) = delete;
  BodyLedger& operator=(const BodyLedger&) = delete;

 private:
  struct Body {
    std::string address;
    uint64_t bytes = 0;
    // What was there when: the speed is that since the older of two marks, which are some time apart.
    uint64_t older_bytes = 0, newer_bytes = 0;
    Clock::time_point older, newer;
    std::function<void()> give_way;
    bool told = false;  // to give way
  };
  using Bodies = std::list<Body>;

 public:
  // One body's line in the ledger, while it is being received.
  class Line {
   public:
    // give_way is called at most once, on any thread, not later than the line ends; it must not block.
    Line(BodyLedger& ledger, std::string address, Clock::time_point since, std::function<void()> give_way);
    ~Line();
    Line(const Line&) = delete;
    Line& operator=(const Line&) = delete;

    // False: with so many bytes in all the bodies of its address would be too large, and nothing is noted.
    // Clients without an address (of a unix socket) are not one.
    bool note(uint64_t bytes, Clock::time_point now);
    // Memory is short, for all or for this address. Tells the slowest of the other bodies, of late, to give
    // way if it is slower than this one; false: none is. Those of the last moment are not judged yet.
    enum class Among : uint8_t { kAll, kAddress };
    bool press(Clock::time_point now, Among among = Among::kAll);

   private:
    BodyLedger& ledger_;
    Bodies::iterator body_;
  };

  // A body younger than this has no speed.
  static constexpr std::chrono::milliseconds kJudgedAfter{500};
  // Between two marks.
  static constexpr std::chrono::milliseconds kMarkStep{2'000};

 private:
  static std::optional<double> speed_of(const Body& body, Clock::time_point now);

  const uint64_t address_bytes_max_;
  std::mutex mutex_;
  Bodies bodies_;
  std::map<std::string, uint64_t> of_address_;
};

}  // namespace gantry::http
