// Lines for the operator on standard error, or in a file (log_line.h says how they look). Thread-safe; lines
// do not mix. A server diverts them (base/outbox.h), so that none of its threads waits for who reads them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/log_line.h"

namespace gantry::log {

enum class Level : uint8_t { kDebug, kInfo, kWarn, kError, kOff };

void set_level(Level level);
Level level();
void set_format(Format format);
// Unless the level is too low.
void write(Level level, std::string_view room, std::string_view text, std::span<const Fact> facts = {});

// While it lives lines go to the end of this file instead. Nobody waits for the disk; what a full one does
// not take is lost. One at a time.
class ToFile {
 public:
  // Error kIo, where = the path, when it cannot be opened.
  explicit ToFile(std::string path);
  ~ToFile();
  ToFile(const ToFile&) = delete;
  ToFile& operator=(const ToFile&) = delete;

  // Goes on in the file that has the name now: the old one was moved away. After an Error all stays.
  void reopen();

 private:
  const std::string path_;
};

template <typename... Args>
void debug(std::string_view room, fmt::format_string<Args...> format, Args&&... args) {
  if (level() <= Level::kDebug) write(Level::kDebug, room, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void info(std::string_view room, fmt::format_string<Args...> format, Args&&... args) {
  if (level() <= Level::kInfo) write(Level::kInfo, room, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void warn(std::string_view room, fmt::format_string<Args...> format, Args&&... args) {
  if (level() <= Level::kWarn) write(Level::kWarn, room, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void error(std::string_view room, fmt::format_string<Args...> format, Args&&... args) {
  if (level() <= Level::kError) write(Level::kError, room, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace gantry::log
