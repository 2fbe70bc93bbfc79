// Threads that do what requests need before and after the engine. Whose turn it is goes by what each client
// has had, in bytes (base/fair_turns.h). Large work leaves one thread to small work. Bounded: full means no,
// at once (contract L1); what goes on with work that was let in is not refused, being one for each of those.
// Thread-safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/fair_turns.h"

namespace gantry::api {

// Whose work, and about how large: bytes of the request's body.
struct Load {
  uint64_t client = 0;
  uint64_t bytes = 0;
};

class WorkQueue {
 public:
  using Work = std::function<void()>;  // must not throw

  // Work of more bytes is large.
  static constexpr uint64_t kLargeBytes = uint64_t{256} << 10;
  // What work costs beside its bytes.
  static constexpr uint64_t kLeastCost = uint64_t{4} << 10;

  WorkQueue(uint32_t threads, size_t capacity);
  // What is queued is still done.
  ~WorkQueue() { close(); }
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;

  enum class Entry : uint8_t { kNew, kGoesOn };
  // False: full or closed.
  bool try_post(Load load, Work work, Entry entry = Entry::kNew);
  // No more work; returns once what was queued is done, whoever of several callers comes first. Not from
  // work.
  void close();

 private:
  static constexpr size_t kAccountsMax = 1024;

  using Turn = std::pair<uint64_t, uint64_t>;  // when it began in its client's account; which came first
  using Waiting = std::map<Turn, Work>;

  void run();
  Waiting* next();

  const size_t capacity_;
  uint32_t large_max_ = 1;  // at work at the same time
  std::mutex mutex_;
  std::condition_variable ready_;
  Waiting small_, large_;
  FairTurns turns_{kAccountsMax};
  uint64_t posted_ = 0;
  uint32_t large_running_ = 0;
  bool closed_ = false;
  std::mutex closing_;  // guards the threads' ends
  std::vector<std::thread> threads_;
};

}  // namespace gantry::api
