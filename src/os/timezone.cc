#include "os/timezone.h"

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "base/error.h"

namespace gantry::os {
namespace {

constexpr size_t kNameMax = 128;  // bytes
constexpr unsigned kHoursMax = 14, kMinutesMax = 59;

// The next two digits (or one, where `few`) of `text`, taken from it.
std::optional<unsigned> take_number(std::string_view& text, bool few) {
  unsigned value = 0;
  size_t count = 0;
  for (; count < 2 && count < text.size() && text[count] >= '0' && text[count] <= '9'; ++count)
    value = value * 10 + static_cast<unsigned>(text[count] - '0');
  if (count == 0 || (count == 1 && !few)) return std::nullopt;
  text.remove_prefix(count);
  return value;
}

// An offset as POSIX writes zones: its sign says how far UTC is from here, not here from UTC.
std::optional<std::string> zone_of_offset(std::string_view text) {
  if (text.starts_with("UTC")) text.remove_prefix(3);
  if (text.empty()) return "UTC0";
  const char sign = text[0];
  if (sign != '+' && sign != '-') return std::nullopt;
  text.remove_prefix(1);
  const std::optional<unsigned> hours = take_number(text, true);
  if (!hours || *hours > kHoursMax) return std::nullopt;
  if (text.starts_with(':')) text.remove_prefix(1);
  std::optional<unsigned> minutes = 0U;
  if (!text.empty()) minutes = take_number(text, false);
  if (!minutes || *minutes > kMinutesMax || !text.empty()) return std::nullopt;
  return fmt::format("<{0}{1:02}{2:02}>{3}{1:02}:{2:02}", sign, *hours, *minutes, sign == '+' ? '-' : '+');
}

std::filesystem::path zones_folder() {
  const char* folder = std::getenv("TZDIR");
  return folder != nullptr && *folder != '\0' ? folder : "/usr/share/zoneinfo";
}

// The system takes a name that it does not know for UTC.
bool is_known(const std::string& name) {
  if (name.empty() || name.size() > kNameMax || name[0] == '/' || name.find("..") != std::string::npos)
    return false;
  for (const char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && std::string_view("/_+-").find(c) == std::string_view::npos) return false;
  }
  const std::filesystem::path path = zones_folder() / name;
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return false;
  std::ifstream in(path, std::ios::binary);
  char magic[4] = {};
  return in.read(magic, sizeof magic) && std::string_view(magic, sizeof magic) == "TZif";
}

}  // namespace

void set_timezone(const std::string& name) {
  std::optional<std::string> zone = zone_of_offset(name);
  if (!zone && is_known(name)) zone = ":" + name;
  if (!zone || name.empty()) {
    std::error_code error;
    const bool has_zones = std::filesystem::is_directory(zones_folder(), error);
    throw Error(ErrorCode::kUsage, fmt::format("there is no time zone '{}'", name.substr(0, kNameMax)),
                "timezone",
                fmt::format("an offset from UTC, such as +02:00, or an IANA name, such as Europe/Berlin{}",
                            has_zones ? "" : " (this machine knows none: install tzdata)"));
  }
  ::setenv("TZ", zone->c_str(), 1);
  ::tzset();
}

}  // namespace gantry::os
