#include "base/log_line.h"

#include <cstdlib>
#include <ctime>

#include <fmt/format.h>

namespace gantry::log {
namespace {

// With the offset of local time: 2026-03-09T13:05:07.123+01:00.
std::string iso_time(std::chrono::system_clock::time_point time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  const auto millis =
      std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count() % 1000;
  std::tm local{};
  localtime_r(&seconds, &local);
  const long minutes = std::labs(local.tm_gmtoff) / 60;
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}{}{:02}:{:02}", local.tm_year + 1900,
                     local.tm_mon + 1, local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec, millis,
                     local.tm_gmtoff < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

std::string harmless(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (is_control(c) && c != '\t') c = ' ';
  return out;
}

// Bytes of the character at the beginning of `text`; 0: none is whole there (RFC 3629).
size_t character(std::string_view text) {
  const auto at = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const unsigned first = at(0);
  if (first < 0x80) return 1;
  const size_t size = first >= 0xc2 && first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (first < 0xc2 || first > 0xf4) return 0;
  for (size_t i = 1; i < size; ++i)
    if ((at(i) & 0xc0) != 0x80) return 0;
  const bool too_long = (first == 0xe0 && at(1) < 0xa0) || (first == 0xf0 && at(1) < 0x90);
  const bool none = (first == 0xed && at(1) >= 0xa0) || (first == 0xf4 && at(1) >= 0x90);
  return too_long || none ? 0 : size;
}

void append_json(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const size_t size = character(text);
    const char c = text[0];
    if (size == 0 || is_control(c))
      out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    else if (c == '"' || c == '\\')
      (out += '\\') += c;
    else
      out += text.substr(0, size);
    text.remove_prefix(size == 0 ? 1 : size);
  }
  out += '"';
}

std::string number(const Fact& fact) {
  if (const auto* whole = std::get_if<uint64_t>(&fact.value)) return std::to_string(*whole);
  return fmt::format("{:.3f}", std::get<double>(fact.value));
}

// Quoted where spaces would end it.
std::string shown(const Fact& fact) {
  const auto* text = std::get_if<std::string>(&fact.value);
  if (text == nullptr) return number(fact);
  const std::string plain = harmless(*text);
  if (!plain.empty() && plain.find_first_of(" \t\"") == std::string::npos) return plain;
  std::string out = "\"";
  for (const char c : plain) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string text_line(std::string_view time, std::string_view level, std::string_view room,
                      std::string_view text, std::span<const Fact> facts) {
  std::string out = fmt::format("{} {:5} {}: {}", time, level, room, harmless(text));
  for (const Fact& fact : facts)
    if (!fact.in_words) out += fmt::format(" {}={}", fact.name, shown(fact));
  return out += '\n';
}

std::string json_line(std::string_view time, std::string_view level, std::string_view room,
                      std::string_view text, std::span<const Fact> facts) {
  std::string out = fmt::format(R"({{"time":"{}","level":"{}","room":"{}","text":)", time, level, room);
  append_json(out, text);
  for (const Fact& fact : facts) {
    out += fmt::format(",\"{}\":", fact.name);
    if (const auto* value = std::get_if<std::string>(&fact.value))
      append_json(out, *value);
    else
      out += number(fact);
  }
  return out += "}\n";
}

}  // namespace

std::string line(Format format, std::chrono::system_clock::time_point time, std::string_view level,
                 std::string_view room, std::string_view text, std::span<const Fact> facts) {
  const std::string when = iso_time(time);
  return format == Format::kJson ? json_line(when, level, room, text, facts)
                                 : text_line(when, level, room, text, facts);
}

}  // namespace gantry::log
