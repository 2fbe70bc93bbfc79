// Lines for the operator on standard error: "12:03:04.123 info  fleet: loaded ...". Thread-safe; lines do not
// mix. A server diverts them (base/outbox.h), so that none of its threads waits for who reads them.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace gantry::log {

enum class Level : uint8_t { kDebug, kInfo, kWarn, kError, kOff };

void set_level(Level level);
Level level();
void write(Level level, std::string_view room, std::string_view text);

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
