// SIGINT and SIGTERM as something to wait for. One object at a time in a process; its constructor takes the
// two signals over, its destructor gives them back.
//
// take() and wait() belong to one thread. The handler only counts and writes to a pipe.
#pragma once

#include <csignal>

namespace gantry::cli {

class Interrupts {
 public:
  // `second_ends`: the second signal that comes before take() ends the process at once (128 + signal).
  explicit Interrupts(bool second_ends);
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  // Readable while a signal has come and not been taken.
  int fd() const { return read_fd_; }
  // The last signal since the last call, 0 for none.
  int take();
  // Until a signal comes, which stays untaken.
  void wait() const;
  // Until `other` is readable or a signal has come; true: a signal has come. A negative `other` is ignored.
  bool wait_for_either(int other) const;

 private:
  int read_fd_ = -1;
  struct sigaction old_int_ {};
  struct sigaction old_term_ {};
};

}  // namespace gantry::cli
