#include "cli/interrupts.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"
#include "os/temporary.h"

namespace gantry::cli {
namespace {

// What the handler may touch.
std::atomic<int> write_fd{-1};
std::atomic<int> untaken{0};
std::atomic<int> last{0};
std::atomic<bool> hung_up{false};
std::atomic<bool> window_changed{false};
std::atomic<bool> second_ends_process{false};
static_assert(std::atomic<int>::is_always_lock_free);

void wake() {
  const char byte = 1;
  // A full pipe is as good: it is readable.
  [[maybe_unused]] const ssize_t written = ::write(write_fd.load(), &byte, 1);
}

extern "C" void on_signal(int signal) {
  const int saved = errno;
  last.store(signal);
  if (untaken.fetch_add(1) > 0 && second_ends_process.load()) {
    os::unlink_temporaries();
    ::_exit(128 + signal);
  }
  wake();
  errno = saved;
}

extern "C" void on_hangup(int /*signal*/) {
  const int saved = errno;
  hung_up.store(true);
  wake();
  errno = saved;
}

extern "C" void on_window(int /*signal*/) {
  const int saved = errno;
  window_changed.store(true);
  wake();
  errno = saved;
}

}  // namespace

Interrupts::Interrupts(bool second_ends, Hangup hangup) {
  GANTRY_CHECK(write_fd.load() < 0);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0)
    throw Error(ErrorCode::kIo, std::string("no pipe for signals: ") + std::strerror(errno));
  read_fd_ = ends[0];
  write_fd.store(ends[1]);
  untaken.store(0);
  last.store(0);
  hung_up.store(false);
  window_changed.store(false);
  second_ends_process.store(second_ends);
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGINT, &action, &old_int_);
  ::sigaction(SIGTERM, &action, &old_term_);
  ::sigaction(SIGHUP, nullptr, &old_hangup_);
  if (hangup == Hangup::kLeave || old_hangup_.sa_handler == SIG_IGN) return;
  if (hangup == Hangup::kTell) action.sa_handler = on_hangup;
  ::sigaction(SIGHUP, &action, nullptr);
}

Interrupts::~Interrupts() {
  ::sigaction(SIGINT, &old_int_, nullptr);
  ::sigaction(SIGTERM, &old_term_, nullptr);
  ::sigaction(SIGHUP, &old_hangup_, nullptr);
  if (watches_window_) {
    ::sigaction(SIGWINCH, &old_window_, nullptr);
    ::sigaction(SIGCONT, &old_continue_, nullptr);
  }
  ::close(write_fd.exchange(-1));
  ::close(read_fd_);
}

int Interrupts::take() {
  empty();
  untaken.store(0);
  return last.exchange(0);
}

bool Interrupts::came() { return untaken.load() > 0; }

bool Interrupts::take_hangup() {
  empty();
  const bool taken = hung_up.exchange(false);
  if (came()) wake();  // that one is not taken
  return taken;
}

void Interrupts::watch_window() {
  struct sigaction action {};
  action.sa_handler = on_window;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGWINCH, &action, watches_window_ ? nullptr : &old_window_);
  ::sigaction(SIGCONT, &action, watches_window_ ? nullptr : &old_continue_);
  watches_window_ = true;
}

bool Interrupts::take_window() { return window_changed.exchange(false); }

void Interrupts::empty() const {
  std::array<char, 64> bytes{};
  while (::read(read_fd_, bytes.data(), bytes.size()) > 0) {
  }
}

void Interrupts::wait() const {
  while (wait_for_either(-1) != Woken::kSignal) {
  }
}

Interrupts::Woken Interrupts::wait_for_either(int other) const {
  std::array<pollfd, 2> both = {pollfd{read_fd_, POLLIN, 0}, pollfd{other, POLLIN, 0}};
  while (true) {
    if (::poll(both.data(), both.size(), -1) < 0) {
      if (errno != EINTR) throw Error(ErrorCode::kIo, std::string("poll: ") + std::strerror(errno));
      continue;
    }
    if (both[0].revents == 0) return Woken::kOther;
    if (came() || hung_up.load()) return Woken::kSignal;
    // The pipe says no more than that something came; what it was is asked after that.
    empty();
    if (came() || hung_up.load()) {
      wake();
      return Woken::kSignal;
    }
    if (window_changed.load()) return Woken::kWindow;
    if (both[1].revents != 0) return Woken::kOther;
  }
}

}  // namespace gantry::cli
