// A line of the log, as text or as JSON. Pure: any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace gantry::log {

enum class Format : uint8_t { kText, kJson };

// What is known beside the words: "seconds=1.25" behind them, a member of its own in JSON.
struct Fact {
  std::string_view name;
  std::variant<uint64_t, double, std::string> value;
  bool in_words = false;  // the words say it: of JSON only
};

// With its end: "2026-03-09T13:05:07.123+01:00 info  room: text name=value\n". Control characters come from
// files and requests; in text they become spaces, so that they do not move the operator's cursor. JSON has
// the members time, level, room, text and the facts; bytes that are no UTF-8 are told as Latin-1.
std::string line(Format format, std::chrono::system_clock::time_point time, std::string_view level,
                 std::string_view room, std::string_view text, std::span<const Fact> facts);

}  // namespace gantry::log
