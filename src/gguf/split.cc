#include "gguf/split.h"

#include <charconv>

#include <fmt/format.h>

namespace gantry::gguf {
namespace {

constexpr size_t kDigits = 5;

std::optional<uint32_t> number(std::string_view text) {
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<SplitName> parse_split_name(std::string_view path) {
  constexpr std::string_view kOf = "-of-", kEnd = ".gguf";
  constexpr size_t kTail = 1 + kDigits + kOf.size() + kDigits + kEnd.size();
  if (path.size() <= kTail || !path.ends_with(kEnd)) return std::nullopt;
  const std::string_view tail = path.substr(path.size() - kTail);
  if (tail[0] != '-' || tail.substr(1 + kDigits, kOf.size()) != kOf) return std::nullopt;
  const auto part = number(tail.substr(1, kDigits));
  const auto count = number(tail.substr(1 + kDigits + kOf.size(), kDigits));
  if (!part || !count || *part == 0 || *part > *count) return std::nullopt;
  return SplitName{std::string(path.substr(0, path.size() - kTail)), *part, *count};
}

std::string split_path(const SplitName& name, uint32_t number) {
  return fmt::format("{}-{:05}-of-{:05}.gguf", name.stem, number, name.count);
}

}  // namespace gantry::gguf
