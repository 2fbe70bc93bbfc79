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

namespace gantry::cli {
namespace {

// What the handler may touch.
std::atomic<int> write_fd{-1};
std::atomic<int> untaken{0};
std::atomic<int> last{0};
std::atomic<bool> second_ends_process{false};
static_assert(std::atomic<int>::is_always_lock_free);

extern "C" void on_signal(int signal) {
  const int saved = errno;
  last.store(signal);
  if (untaken.fetch_add(1) > 0 && second_ends_process.load()) ::_exit(128 + signal);
  const char byte = 1;
  // A full pipe is as good: it is readable.
  [[maybe_unused]] const ssize_t written = ::write(write_fd.load(), &byte, 1);
  errno = saved;
}

}  // namespace

Interrupts::Interrupts(bool second_ends) {
  GANTRY_CHECK(write_fd.load() < 0);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0)
    throw Error(ErrorCode::kIo, std::string("no pipe for signals: ") + std::strerror(errno));
  read_fd_ = ends[0];
  write_fd.store(ends[1]);
  untaken.store(0);
  last.store(0);
  second_ends_process.store(second_ends);
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGINT, &action, &old_int_);
  ::sigaction(SIGTERM, &action, &old_term_);
}

Interrupts::~Interrupts() {
  ::sigaction(SIGINT, &old_int_, nullptr);
  ::sigaction(SIGTERM, &old_term_, nullptr);
  ::close(write_fd.exchange(-1));
  ::close(read_fd_);
}

int Interrupts::take() {
  std::array<char, 64> bytes{};
  while (::read(read_fd_, bytes.data(), bytes.size()) > 0) {
  }
  untaken.store(0);
  return last.exchange(0);
}

void Interrupts::wait() const {
  while (!wait_for_either(-1)) {
  }
}

bool Interrupts::wait_for_either(int other) const {
  std::array<pollfd, 2> both = {pollfd{read_fd_, POLLIN, 0}, pollfd{other, POLLIN, 0}};
  while (::poll(both.data(), both.size(), -1) < 0) {
    if (errno != EINTR) throw Error(ErrorCode::kIo, std::string("poll: ") + std::strerror(errno));
  }
  return both[0].revents != 0;
}

}  // namespace gantry::cli
