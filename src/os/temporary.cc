#include "os/temporary.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <filesystem>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace gantry::os {
namespace {

constexpr int kTries = 100;    // names
constexpr size_t kSlots = 16;  // temporaries with names at one time that unlink_temporaries() knows

// Where the kernel shows a descriptor as a file that can be linked.
std::string shown(int fd) { return fmt::format("/proc/self/fd/{}", fd); }

}  // namespace

// A name that a handler of signals may read.
struct Temporary::Slot {
  enum State : int { kFree, kTaken, kNamed };
  std::atomic<int> state{kFree};
  std::array<char, PATH_MAX> path{};

  static std::array<Slot, kSlots> all;
};
std::array<Temporary::Slot, kSlots> Temporary::Slot::all;
static_assert(std::atomic<int>::is_always_lock_free);

Temporary::Temporary(const std::string& target, Kind kind) : target_(target) {
  if (kind == Kind::kNamed || !open_nameless()) open_named();
}

Temporary::~Temporary() {
  if (!name_.empty()) ::unlink(name_.c_str());
  forget();
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

// The first name for which `make`, which sets errno, succeeds. It is known to handlers before it is there.
template <typename Make>
void Temporary::take_name(Make make) {
  static std::atomic<uint64_t> serial{0};
  for (int attempt = 0; attempt < kTries; ++attempt) {
    name_ = fmt::format("{}.tmp-{}-{}", target_, ::getpid(), serial.fetch_add(1));
    for (Slot& slot : Slot::all) {
      int free = Slot::kFree;
      if (name_.size() >= slot.path.size() || !slot.state.compare_exchange_strong(free, Slot::kTaken))
        continue;
      name_.copy(slot.path.data(), name_.size());
      slot.path[name_.size()] = '\0';
      slot_ = &slot;
      slot.state.store(Slot::kNamed);
      break;
    }
    if (make()) return;
    const int error = errno;
    forget();
    name_.clear();
    if (error != EEXIST) throw file_error("create", target_, error);
  }
  throw file_error("create", target_, EEXIST);
}

void Temporary::forget() {
  if (slot_ != nullptr) slot_->state.store(Slot::kFree);
  slot_ = nullptr;
}

void Temporary::sync() const {
  if (::fsync(fd_.get()) != 0) throw file_error("flush", target_, errno);
}

void Temporary::rename_to(const std::string& target) {
  if (name_.empty())
    take_name([this] {
      return ::linkat(AT_FDCWD, shown(fd_.get()).c_str(), AT_FDCWD, name_.c_str(), AT_SYMLINK_FOLLOW) == 0;
    });
  if (::rename(name_.c_str(), target.c_str()) != 0) throw file_error("replace", target, errno);
  name_.clear();
  forget();
}

void unlink_temporaries() {
  for (Temporary::Slot& slot : Temporary::Slot::all)
    if (slot.state.load() == Temporary::Slot::kNamed) ::unlink(slot.path.data());
}

}  // namespace gantry::os
