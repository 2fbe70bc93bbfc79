#include <charconv>
#include <utility>

#include "cli/parse.h"

namespace gantry::cli {

std::optional<uint64_t> parse_size(std::string_view text) {
  static constexpr std::pair<std::string_view, uint64_t> kUnits[] = {{"", 1},
                                                                     {"B", 1},
                                                                     {"KiB", 1ull << 10},
                                                                     {"MiB", 1ull << 20},
                                                                     {"GiB", 1ull << 30},
                                                                     {"TiB", 1ull << 40},
                                                                     {"KB", 1'000},
                                                                     {"MB", 1'000'000},
                                                                     {"GB", 1'000'000'000},
                                                                     {"TB", 1'000'000'000'000}};
  double number = 0;
  const auto [rest, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc() || !(number > 0)) return std::nullopt;
  const std::string_view unit(rest, static_cast<size_t>(text.data() + text.size() - rest));
  for (const auto& [name, bytes] : kUnits) {
    if (unit != name) continue;
    const double product = number * static_cast<double>(bytes);
    // 2^53: up to here every whole number is itself in a double.
    if (product < 1 || product > 9007199254740992.0) return std::nullopt;
    return static_cast<uint64_t>(product);
  }
  return std::nullopt;
}

}  // namespace gantry::cli
