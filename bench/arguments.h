// Numbers on the command lines of measuring programs: whatever stands there, the answer is a number within
// the limits or Error kUsage.
#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "base/error.h"

namespace gantry::bench {

inline uint32_t parse_number(const std::string& name, std::string_view text, uint32_t min, uint32_t max) {
  uint32_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size() || value < min || value > max)
    throw Error(ErrorCode::kUsage, fmt::format("'{}' is no whole number from {} to {}", text, min, max),
                name);
  return value;
}

inline double parse_real(const std::string& name, std::string_view text, double min, double max) {
  double value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size() || !(value >= min && value <= max))
    throw Error(ErrorCode::kUsage, fmt::format("'{}' is no number from {} to {}", text, min, max), name);
  return value;
}

inline double parse_seconds(const std::string& name, std::string_view text) {
  constexpr double kSecondsMin = 1e-6, kSecondsMax = 3600;
  return parse_real(name, text, kSecondsMin, kSecondsMax);
}

}  // namespace gantry::bench
