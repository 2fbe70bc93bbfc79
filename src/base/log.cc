#include "base/log.h"

#include <array>
#include <atomic>
#include <chrono>
#include <ctime>

#include "base/outbox.h"

namespace gantry::log {
namespace {

std::atomic<Level> g_level = Level::kInfo;
constexpr std::array<const char*, 4> kNames = {"debug", "info ", "warn ", "error"};

}  // namespace

void set_level(Level level) { g_level.store(level, std::memory_order_relaxed); }
Level level() { return g_level.load(std::memory_order_relaxed); }

void write(Level level, std::string_view room, std::string_view text) {
  const auto now = std::chrono::system_clock::now();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  const auto millis =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  std::tm local{};
  localtime_r(&seconds, &local);
  // One buffer and one call, so that lines of several threads do not mix. Control characters in the text come
  // from files and requests; they must not move the operator's cursor.
  std::string line = fmt::format("{:02}:{:02}:{:02}.{:03} {} {}: ", local.tm_hour, local.tm_min, local.tm_sec,
                                 millis, kNames[static_cast<size_t>(level)], room);
  for (const char c : text)
    line += (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f ? ' ' : c;
  line += '\n';
  put_text(stderr, line);
}

}  // namespace gantry::log
