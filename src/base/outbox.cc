#include "base/outbox.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <utility>

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include "base/check.h"

namespace gantry {
namespace {

constexpr std::chrono::seconds kGoodbye{1};

// False: nobody is there to read it.
bool write_to(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(fd, text.data(), text.size());
    if (count >= 0) {
      text.remove_prefix(static_cast<size_t>(count));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {  // whoever shares it made it so
      pollfd one{fd, POLLOUT, 0};
      ::poll(&one, 1, -1);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

}  // namespace

struct Outbox::State {
  State(int to, size_t most, Closes closes) : fd(to), bytes_max(most), is_own(closes == Closes::kYes) {}
  ~State() {
    if (is_own) ::close(fd);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  const int fd;
  const size_t bytes_max;
  const bool is_own;
  std::mutex mutex;
  std::condition_variable changed;
  std::string waiting;
  uint64_t dropped = 0;  // since `waiting` was taken last: they would stand behind it
  bool closed = false;
  bool done = false;
};

Outbox::Outbox(int fd, size_t bytes_max, Closes closes)
    : state_(std::make_shared<State>(fd, bytes_max, closes)) {
  thread_ = std::thread([state = state_] { write_all(state); });
}

Outbox::~Outbox() {
  std::unique_lock lock(state_->mutex);
  state_->closed = true;
  state_->changed.notify_all();
  const bool done = state_->changed.wait_for(lock, kGoodbye, [this] { return state_->done; });
  lock.unlock();
  if (done)
    thread_.join();
  else
    thread_.detach();
}

void Outbox::put(std::string_view text) {
  const std::lock_guard lock(state_->mutex);
  if (state_->dropped > 0 || state_->waiting.size() + text.size() > state_->bytes_max) {
    ++state_->dropped;
    return;
  }
  state_->waiting += text;
  state_->changed.notify_all();
}

void Outbox::write_all(const std::shared_ptr<State>& state) {
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  std::unique_lock lock(state->mutex);
  while (true) {
    state->changed.wait(lock, [&] { return !state->waiting.empty() || state->dropped > 0 || state->closed; });
    std::string text = std::exchange(state->waiting, {});
    const uint64_t dropped = std::exchange(state->dropped, 0);
    if (text.empty() && dropped == 0) break;
    if (dropped > 0) text += fmt::format("gantry: {} lines that nobody read were dropped here\n", dropped);
    lock.unlock();
    write_to(state->fd, text);
    lock.lock();
  }
  state->done = true;
  state->changed.notify_all();
}

namespace {

struct Diversions {
  std::mutex mutex;
  std::array<std::shared_ptr<Outbox>, 3> of;  // by descriptor
};

Diversions& diversions() {
  static auto* const all = new Diversions;  // threads may write until the process ends
  return *all;
}

std::shared_ptr<Outbox>& slot_of(std::FILE* what) {
  return diversions().of.at(static_cast<size_t>(::fileno(what)));
}

}  // namespace

void put_text(std::FILE* to, std::string_view text) {
  std::shared_ptr<Outbox> outbox;
  if (to == stdout || to == stderr) {
    const std::lock_guard lock(diversions().mutex);
    outbox = slot_of(to);
  }
  if (outbox)
    outbox->put(text);
  else
    std::fwrite(text.data(), 1, text.size(), to);
}

Diverted::Diverted(std::FILE* what) : what_(what) {
  GANTRY_CHECK(what == stdout || what == stderr);
  std::fflush(what);
  const std::lock_guard lock(diversions().mutex);
  GANTRY_CHECK(!slot_of(what));
  slot_of(what) = std::make_shared<Outbox>(::fileno(what));
}

Diverted::~Diverted() {
  std::shared_ptr<Outbox> last;  // declared first: it goes when the lock is given back
  const std::lock_guard lock(diversions().mutex);
  last.swap(slot_of(what_));
}

}  // namespace gantry
