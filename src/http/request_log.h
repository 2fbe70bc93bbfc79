// The line of the log on one request, when its answer has ended. One thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "http/http.h"
#include "http/service.h"

namespace gantry::http {

inline constexpr int kClientGone = 499;  // the status where nobody waited for an answer; never on the wire

class RequestLog {
 public:
  using Clock = std::chrono::steady_clock;

  // A head was read.
  void begin(const Request& head, const Marks& marks);
  // This is what it is answered with; of a stream, the head.
  void answered(const Response& response);
  // What is known at the end, which may come in parts.
  void note(const Outcome& outcome);
  void client_gone() { gone_ = true; }
  // Nothing where nothing was asked.
  void write(const std::string& client, Clock::time_point begun) const;

 private:
  std::string method_, path_, id_;
  bool quiet_ = false, gone_ = false;
  int status_ = 0;  // none yet
  Outcome outcome_;
};

}  // namespace gantry::http
