// What became of the requests of one level, added up. Memory does not grow with their number.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench/piece.h"
#include "bench/samples.h"

namespace gantry::bench {

// Why a request failed: a kind, of which there are few, and what this one said.
struct RequestFault {
  std::string kind, words;
  double retry_after = 0;  // seconds that the server asked to wait; 0: none
};

enum class End : uint8_t {
  kDone,
  kCancelled,  // its client left, as the mix wanted
  kFailed,
  kCut,  // the level was interrupted
};

// Of one request; times in seconds from when it was due.
struct Outcome {
  End end = End::kFailed;
  RequestFault fault;
  double whole = 0;             // until its last byte
  std::optional<double> first;  // until the first piece of the answer
  double last = 0;              // until the last piece
  std::vector<float> gaps;      // between pieces
  std::optional<Usage> usage;
  std::string text;  // of the answer, where a later turn needs it

  uint64_t pieces() const { return first ? gaps.size() + 1 : 0; }
  // As the server counted them; where it did not, a piece counts as one.
  uint64_t new_tokens() const { return usage ? usage->fresh : pieces(); }
};

struct FaultCount {
  std::string kind, first;  // words of the first one
  uint64_t count = 0;
};

inline constexpr size_t kFaultKindsMax = 16;  // more are counted together

struct Figures {
  uint64_t done = 0, cancelled = 0, failed = 0, cut = 0;
  uint64_t uncounted = 0;  // done or cancelled, without the server's count of tokens
  uint64_t prompt_tokens = 0, cached_tokens = 0, new_tokens = 0;
  bool tells_cached = false;
  double seconds = 0;  // from the first request's begin to the last one's end
  Samples first, gap, per_token, whole;
  std::vector<FaultCount> faults;

  void add(const Outcome& outcome);
  uint64_t ended() const { return done + cancelled + failed; }
  double per_second(uint64_t count) const { return seconds > 0 ? static_cast<double>(count) / seconds : 0; }
};

}  // namespace gantry::bench
