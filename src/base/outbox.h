// Text on its way to a descriptor whose reader may have stopped reading, or have left: a thread of its own
// writes, and who puts something in never waits (contract L1). What finds no room is dropped and counted; the
// count is told as soon as there is somebody to tell. A reader that is gone ends nothing.
//
// Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

namespace gantry {

inline constexpr size_t kOutboxBytesMax = size_t{256} << 10;  // text that waits

class Outbox {
 public:
  enum class Closes : uint8_t { kNo, kYes };  // the descriptor, once nothing is written to it any more

  explicit Outbox(int fd, size_t bytes_max = kOutboxBytesMax, Closes closes = Closes::kNo);
  // What still waits is written, if that takes less than a second.
  ~Outbox();
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  void put(std::string_view text);

 private:
  struct State;
  static void write_all(const std::shared_ptr<State>& state);

  const std::shared_ptr<State> state_;  // the thread may stand still in a write for longer than this lives
  std::thread thread_;
};

// Standard output or standard error, by way of an outbox while a Diverted of it lives; else as it stands, and
// the writer waits. The text never mixes with that of other threads.
void put_text(std::FILE* to, std::string_view text);

class Diverted {
 public:
  explicit Diverted(std::FILE* what);
  ~Diverted();
  Diverted(const Diverted&) = delete;
  Diverted& operator=(const Diverted&) = delete;

 private:
  std::FILE* const what_;
};

}  // namespace gantry
