#include "cli/number_list.h"

#include <charconv>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"

namespace gantry::cli {
namespace {

constexpr size_t kShownTextMax = 80;  // bytes of a wrong value that an error repeats

template <typename T, typename Within>
std::vector<T> parse_list(std::string_view setting, std::string_view text, std::string_view wanted,
                          Within within) {
  const auto refuse = [&](std::string what) {
    throw Error(ErrorCode::kUsage, std::move(what), std::string(setting), "for example 1,8,32");
  };
  std::vector<T> out;
  for (std::string_view rest = text;;) {
    const std::string_view word = rest.substr(0, rest.find(','));
    T number{};
    const auto [end, fault] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (fault != std::errc() || end != word.data() + word.size() || !within(number))
      refuse(fmt::format("'{}' is no {}", word.substr(0, kShownTextMax), wanted));
    out.push_back(number);
    if (out.size() > kListedMax) refuse(fmt::format("more than {} numbers", kListedMax));
    if (word.size() == rest.size()) return out;
    rest.remove_prefix(word.size() + 1);
  }
}

}  // namespace

std::vector<uint32_t> parse_counts(std::string_view setting, std::string_view text, uint32_t least,
                                   uint32_t most) {
  return parse_list<uint32_t>(setting, text, fmt::format("whole number from {} to {}", least, most),
                              [&](uint32_t number) { return number >= least && number <= most; });
}

std::vector<double> parse_rates(std::string_view setting, std::string_view text, double most) {
  return parse_list<double>(setting, text, fmt::format("number above 0, up to {}", most),
                            [&](double number) { return number > 0 && number <= most; });
}

}  // namespace gantry::cli
