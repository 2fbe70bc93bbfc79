#include "base/log.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <mutex>
#include <utility>

#include <fcntl.h>

#include "base/check.h"
#include "base/error.h"
#include "base/outbox.h"

namespace gantry::log {
namespace {

constexpr mode_t kFileMode = 0640;  // addresses and models of those who asked are nobody else's matter

std::atomic<Level> g_level = Level::kInfo;
std::atomic<Format> g_format = Format::kText;
constexpr std::array<std::string_view, 4> kNames = {"debug", "info", "warn", "error"};

struct File {
  std::mutex mutex;
  std::shared_ptr<Outbox> outbox;  // nullptr: standard error
};

File& file() {
  static auto* const one = new File;  // threads may write until the process ends
  return *one;
}

std::shared_ptr<Outbox> open_file(const std::string& path) {
  // A pipe that nobody reads is refused, not waited for.
  const int fd =
      ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, kFileMode);
  if (fd < 0)
    throw Error(ErrorCode::kIo, std::string("cannot open the log: ") + std::strerror(errno), path,
                "`log_file` names a file that this user may write, in a folder that exists");
  return std::make_shared<Outbox>(fd, kOutboxBytesMax, Outbox::Closes::kYes);
}

// What the old one still has to write it writes outside the lock.
void put_file(std::shared_ptr<Outbox> outbox) {
  const std::lock_guard lock(file().mutex);
  file().outbox.swap(outbox);
}

}  // namespace

void set_level(Level level) { g_level.store(level, std::memory_order_relaxed); }
Level level() { return g_level.load(std::memory_order_relaxed); }
void set_format(Format format) { g_format.store(format, std::memory_order_relaxed); }

void write(Level level, std::string_view room, std::string_view text, std::span<const Fact> facts) {
  if (level < log::level()) return;
  // One buffer and one call, so that lines of several threads do not mix.
  const std::string said = line(g_format.load(std::memory_order_relaxed), std::chrono::system_clock::now(),
                                kNames.at(static_cast<size_t>(level)), room, text, facts);
  std::shared_ptr<Outbox> outbox;
  {
    const std::lock_guard lock(file().mutex);
    outbox = file().outbox;
  }
  if (outbox)
    outbox->put(said);
  else
    put_text(stderr, said);
}

ToFile::ToFile(std::string path) : path_(std::move(path)) {
  GANTRY_CHECK(!file().outbox);
  put_file(open_file(path_));
}

ToFile::~ToFile() { put_file(nullptr); }

void ToFile::reopen() { put_file(open_file(path_)); }

}  // namespace gantry::log
