#include "os/temporary.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <filesystem>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

namespace gantry::os {
namespace {

constexpr int kTries = 100;    // names
constexpr size_t kSlots = 16;  // temporaries with names at one time that unlink_temporaries() knows
constexpr int kWaitSteps = 1000, kWaitStepMs = 1;  // of a handler, for a name that is being made or given up

// Where the kernel shows a descriptor as a file that can be linked.
std::string shown(int fd) { return fmt::format("/proc/self/fd/{}", fd); }

// Of the thread, while it lives.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, &before_);
  }
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace

// A name that a handler of signals may read. It is kNamed only while the file is there, so that no file of
// somebody else's can be meant. While the name is made or goes, it is kChanging, and a handler waits: it runs
// on another thread then, since on this one signals are blocked.
struct Temporary::Slot {
  enum State : int { kFree, kChanging, kNamed, kTakenAway };
  std::atomic<int> state{kFree};
  std::array<char, PATH_MAX> path{};

  // False: a handler has taken the file away.
  bool begin_change() {
    int named = kNamed;
    while (!state.compare_exchange_weak(named, kChanging)) {
      if (named == kTakenAway) return false;
      named = kNamed;
    }
    return true;
  }

  static std::array<Slot, kSlots> all;
};
std::array<Temporary::Slot, kSlots> Temporary::Slot::all;
static_assert(std::atomic<int>::is_always_lock_free);

Temporary::Temporary(const std::string& target, Kind kind) : target_(target) {
  if (kind == Kind::kNamed || !open_nameless()) open_named();
}

Temporary::~Temporary() {
  if (!name_.empty()) give_up_name([this] { ::unlink(name_.c_str()); });
}

// False: this file system cannot, or has no /proc to give a name by.
bool Temporary::open_nameless() {
  const std::filesystem::path parent = std::filesystem::path(target_).parent_path();
  const std::string folder = parent.empty() ? std::string(1, '.') : parent.string();
  fd_ = Fd(::open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666));
  return fd_.get() >= 0 && ::access(shown(fd_.get()).c_str(), F_OK) == 0;
}

void Temporary::open_named() {
  take_name([this] {
    fd_ = Fd(::open(name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    return fd_.get() >= 0;
  });
}

// The first name for which `make`, which sets errno, succeeds.
template <typename Make>
void Temporary::take_name(Make make) {
  static std::atomic<uint64_t> serial{0};
  int error = EEXIST;
  for (int attempt = 0; attempt < kTries && error == EEXIST; ++attempt) {
    name_ = fmt::format("{}.tmp-{}-{}", target_, ::getpid(), serial.fetch_add(1));
    const SignalsBlocked blocked;
    for (Slot& slot : Slot::all) {
      int free = Slot::kFree;
      if (name_.size() >= slot.path.size() || !slot.state.compare_exchange_strong(free, Slot::kChanging))
        continue;
      name_.copy(slot.path.data(), name_.size());
      slot.path[name_.size()] = '\0';
      slot_ = &slot;
      break;
    }
    error = make() ? 0 : errno;
    if (slot_ != nullptr) slot_->state.store(error == 0 ? Slot::kNamed : Slot::kFree);
    if (error == 0) return;
    slot_ = nullptr;
  }
  name_.clear();
  throw file_error("create", target_, error);
}

// After `take` there is no file of that name any more. Not called where a handler has seen to that.
template <typename Take>
void Temporary::give_up_name(Take take) {
  const SignalsBlocked blocked;
  if (slot_ == nullptr || slot_->begin_change()) take();
  if (slot_ != nullptr) slot_->state.store(Slot::kFree);
  slot_ = nullptr;
  name_.clear();
}

void Temporary::sync() const {
  if (::fsync(fd_.get()) != 0) throw file_error("flush", target_, errno);
}

void Temporary::rename_to(const std::string& target) {
  if (name_.empty())
    take_name([this] {
      return ::linkat(AT_FDCWD, shown(fd_.get()).c_str(), AT_FDCWD, name_.c_str(), AT_SYMLINK_FOLLOW) == 0;
    });
  int error = ENOENT;
  give_up_name([&] {
    error = ::rename(name_.c_str(), target.c_str()) == 0 ? 0 : errno;
    if (error != 0) ::unlink(name_.c_str());
  });
  if (error != 0) throw file_error("replace", target, error);
}

void unlink_temporaries() {
  using Slot = Temporary::Slot;
  for (Slot& slot : Slot::all)
    for (int step = 0; step < kWaitSteps; ++step) {
      int state = Slot::kNamed;
      if (slot.state.compare_exchange_strong(state, Slot::kChanging)) {
        ::unlink(slot.path.data());
        slot.state.store(Slot::kTakenAway);
      }
      if (state != Slot::kChanging) break;
      ::poll(nullptr, 0, kWaitStepMs);
    }
}

}  // namespace gantry::os
