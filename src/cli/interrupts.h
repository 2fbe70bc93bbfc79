// SIGINT and SIGTERM, and where they are asked for SIGHUP and what happens to a terminal, as something to
// wait for. One object at a time in a process; its constructor takes the signals over, its destructor gives
// them back.
//
// take() and wait() belong to one thread. The handler only counts and writes to a pipe.
#pragma once

#include <csignal>
#include <cstdint>

namespace gantry::cli {

class Interrupts {
 public:
  // A terminal that goes away, or a wish to begin anew with other settings. Who was started to live on
  // without its terminal (nohup) hears of none.
  enum class Hangup : uint8_t { kLeave, kInterrupt, kTell };

  // `second_ends`: the second signal that comes before take() ends the process at once (128 + signal),
  // without the files that it was writing.
  explicit Interrupts(bool second_ends, Hangup hangup = Hangup::kLeave);
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  // Readable while a signal has come and not been taken.
  int fd() const { return read_fd_; }
  // The last signal since the last call, 0 for none.
  int take();
  // Whether one has come that was not taken. Any thread.
  static bool came();
  // With kTell: whether SIGHUP has come since the last call. It counts as no signal elsewhere, but ends
  // waits.
  bool take_hangup();
  // From now on: SIGWINCH (the window's edge moved) and SIGCONT (the terminal was another's for a while).
  void watch_window();
  // Whether one of them has come since the last call.
  bool take_window();
  // Until a signal comes, which stays untaken.
  void wait() const;
  // Until `other` is readable or something has come; of several the first of this list. A negative `other` is
  // ignored.
  enum class Woken : uint8_t { kSignal, kWindow, kOther };
  Woken wait_for_either(int other) const;

 private:
  void empty() const;

  int read_fd_ = -1;
  struct sigaction old_int_ {};
  struct sigaction old_term_ {};
  struct sigaction old_hangup_ {};
  struct sigaction old_window_ {};
  struct sigaction old_continue_ {};
  bool watches_window_ = false;
};

}  // namespace gantry::cli
