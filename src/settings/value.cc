#include "settings/value.h"

#include <algorithm>
#include <charconv>
#include <span>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"

namespace gantry::settings {
namespace {

constexpr size_t kShownMax = 80;  // bytes of a wrong value that an error repeats
constexpr uint64_t kMsPerSecond = 1000;
constexpr double kExactMax = 9007199254740992.0;  // 2^53: up to here every whole number is itself in a double

using Unit = std::pair<std::string_view, uint64_t>;
constexpr Unit kSizes[] = {{"", 1},
                           {"B", 1},
                           {"KiB", 1ull << 10},
                           {"MiB", 1ull << 20},
                           {"GiB", 1ull << 30},
                           {"TiB", 1ull << 40},
                           {"KB", 1'000},
                           {"MB", 1'000'000},
                           {"GB", 1'000'000'000},
                           {"TB", 1'000'000'000'000}};
constexpr Unit kTimes[] = {{"", kMsPerSecond},
                           {"ms", 1},
                           {"s", kMsPerSecond},
                           {"min", 60 * kMsPerSecond},
                           {"h", 3600 * kMsPerSecond}};

// A number and its unit, in the smallest unit.
std::optional<uint64_t> measure(std::string_view text, std::span<const Unit> units, bool zero_ok) {
  double number = 0;
  const auto [rest, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc() || !(number >= 0)) return std::nullopt;
  const std::string_view unit(rest, static_cast<size_t>(text.data() + text.size() - rest));
  const auto found = std::ranges::find(units, unit, &Unit::first);
  if (found == units.end()) return std::nullopt;
  const double product = number * static_cast<double>(found->second);
  if (product > kExactMax || (product < 1 && !(zero_ok && product == 0))) return std::nullopt;
  return static_cast<uint64_t>(product);
}

template <typename T>
std::optional<T> whole(std::string_view text) {
  T number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || rest != text.data() + text.size()) return std::nullopt;
  return number;
}

[[noreturn]] void refuse(const Setting& setting, std::string what, std::string mend = {}) {
  throw Error(ErrorCode::kUsage, std::move(what), std::string(setting.name), std::move(mend));
}

[[noreturn]] void refuse_value(const Setting& setting, std::string_view text) {
  const std::string shown(setting.secret ? "***" : text.substr(0, kShownMax));
  refuse(setting, fmt::format("'{}' is not {}", shown, wanted(setting)));
}

Value in_range(const Setting& setting, uint64_t number, std::string_view text) {
  if (number < setting.least || number > setting.most) refuse_value(setting, text);
  return number;
}

// Written so that NaN is out of range.
Value in_range(const Setting& setting, double number, std::string_view text) {
  if (!(number >= setting.low && number <= setting.high)) refuse_value(setting, text);
  return number;
}

std::string checked(const Setting& setting, std::string_view text) {
  if (text.empty() && !setting.empty_ok) refuse(setting, "a value is missing");
  if (setting.kind == Kind::kChoice && std::ranges::find(setting.choices, text) == setting.choices.end())
    refuse_value(setting, text);
  return std::string(text);
}

std::vector<std::string> between_spaces(std::string_view text) {
  std::vector<std::string> out;
  for (size_t i = 0; i < text.size();) {
    const size_t end = std::min(text.find(' ', i), text.size());
    if (end > i) out.emplace_back(text.substr(i, end - i));
    i = end + 1;
  }
  return out;
}

const char* name_of(const Typed& typed) {
  static constexpr const char* kNames[] = {"true or false", "a whole number", "a number", "a text",
                                           "a list of texts"};
  return kNames[typed.index()];
}

std::string shortest(double number, std::string_view unit) { return fmt::format("{}{}", number, unit); }

std::string duration_text(uint64_t ms) {
  if (ms % kMsPerSecond == 0)
    return shortest(static_cast<double>(ms) / static_cast<double>(kMsPerSecond), "s");
  return fmt::format("{}ms", ms);
}

std::string size_text(uint64_t bytes) {
  for (const Unit& unit :
       {Unit{"TiB", 1ull << 40}, Unit{"GiB", 1ull << 30}, Unit{"MiB", 1ull << 20}, Unit{"KiB", 1ull << 10}})
    if (bytes % unit.second == 0 && bytes > 0) return fmt::format("{}{}", bytes / unit.second, unit.first);
  return std::to_string(bytes);
}

}  // namespace

std::optional<uint64_t> parse_size(std::string_view text) { return measure(text, kSizes, false); }

std::optional<uint64_t> parse_duration(std::string_view text) { return measure(text, kTimes, true); }

std::string wanted(const Setting& setting) {
  switch (setting.kind) {
    case Kind::kBool:
      return "true or false";
    case Kind::kCount:
      return fmt::format("a whole number from {} to {}", setting.least, setting.most);
    case Kind::kNumber:
      return fmt::format("a number from {} to {}", setting.low, setting.high);
    case Kind::kBytes:
      return "a size; for example 800MiB or 4GiB";
    case Kind::kDuration:
      return fmt::format("a time up to {}; for example 30s or 2min", duration_text(setting.most));
    case Kind::kChoice:
      return fmt::format("one of {}", fmt::join(setting.choices, ", "));
    case Kind::kText:
      return "a text";
    case Kind::kTexts:
      return "a text or a list of texts";
  }
  return {};
}

Value read_text(const Setting& setting, std::string_view text) {
  switch (setting.kind) {
    case Kind::kBool:
      if (text == "true" || text == "1") return true;
      if (text == "false" || text == "0") return false;
      refuse_value(setting, text);
    case Kind::kCount:
      if (const auto number = whole<uint64_t>(text)) return in_range(setting, *number, text);
      refuse_value(setting, text);
    case Kind::kNumber:
      if (const auto number = whole<double>(text)) return in_range(setting, *number, text);
      refuse_value(setting, text);
    case Kind::kBytes:
      if (const auto bytes = parse_size(text)) return in_range(setting, *bytes, text);
      refuse_value(setting, text);
    case Kind::kDuration:
      if (const auto ms = parse_duration(text)) return in_range(setting, *ms, text);
      refuse_value(setting, text);
    case Kind::kTexts:
      return read_texts(setting, between_spaces(text));
    case Kind::kText:
    case Kind::kChoice:
      break;
  }
  return checked(setting, text);
}

Value read_texts(const Setting& setting, std::vector<std::string> texts) {
  if (texts.empty()) refuse(setting, "a value is missing");
  for (const std::string& text : texts) checked(setting, text);
  return texts;
}

Value read_typed(const Setting& setting, const Typed& typed) {
  const auto* text = std::get_if<std::string>(&typed);
  const auto* number = std::get_if<int64_t>(&typed);
  const auto* real = std::get_if<double>(&typed);
  switch (setting.kind) {
    case Kind::kBool:
      if (const auto* yes = std::get_if<bool>(&typed)) return *yes;
      break;
    case Kind::kCount:
      if (number != nullptr) return read_text(setting, std::to_string(*number));
      break;
    case Kind::kNumber:
      if (number != nullptr) return in_range(setting, static_cast<double>(*number), std::to_string(*number));
      if (real != nullptr) return in_range(setting, *real, fmt::format("{}", *real));
      break;
    case Kind::kBytes:
    case Kind::kDuration:
      if (number != nullptr) return read_text(setting, std::to_string(*number));
      if (real != nullptr) return read_text(setting, fmt::format("{:f}", *real));
      if (text != nullptr) return read_text(setting, *text);
      break;
    case Kind::kText:
    case Kind::kChoice:
      if (text != nullptr) return checked(setting, *text);
      break;
    case Kind::kTexts:
      if (text != nullptr) return read_texts(setting, {*text});
      if (const auto* texts = std::get_if<std::vector<std::string>>(&typed))
        return read_texts(setting, *texts);
      break;
  }
  refuse(setting, fmt::format("this is {}, not {}", name_of(typed), wanted(setting)));
}

std::string to_text(const Setting& setting, const Value& value) {
  if (setting.secret) return "(not shown)";
  switch (setting.kind) {
    case Kind::kBool:
      return std::get<bool>(value) ? "true" : "false";
    case Kind::kCount:
      return std::to_string(std::get<uint64_t>(value));
    case Kind::kBytes:
      return size_text(std::get<uint64_t>(value));
    case Kind::kDuration:
      return duration_text(std::get<uint64_t>(value));
    case Kind::kNumber:
      return fmt::format("{}", std::get<double>(value));
    case Kind::kText:
    case Kind::kChoice:
      return std::get<std::string>(value);
    case Kind::kTexts:
      return fmt::format("{}", fmt::join(std::get<std::vector<std::string>>(value), " "));
  }
  return {};
}

}  // namespace gantry::settings
