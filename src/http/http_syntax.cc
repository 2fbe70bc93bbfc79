#include "http/http_syntax.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <system_error>

#include <fmt/format.h>

#include "base/bytes.h"

namespace gantry::http {

bool is_token_char(char c) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         kMarks.find(c) != std::string_view::npos;
}

bool is_field_char(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<uint16_t> read_port(std::string_view text) {
  uint16_t port = 0;
  if (text.empty()) return port;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (fault != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

const char* request_line_fault(std::string_view line, bool& version_only) {
  version_only = false;
  const size_t method_end = line.find(' ');
  if (method_end == 0 || method_end == std::string_view::npos ||
      !std::ranges::all_of(line.substr(0, method_end), is_token_char))
    return "the request line has no method";
  const std::string_view rest = line.substr(method_end + 1);
  const size_t target_end = rest.find(' ');
  const std::string_view target = rest.substr(0, target_end);
  if (target.empty() || !std::ranges::all_of(target, [](char c) { return c > 0x20 && c < 0x7f; }))
    return "the request line has no target of printable ASCII";
  if (target_end == std::string_view::npos) return "the request line has no version";
  const std::string_view version = rest.substr(target_end + 1);
  if (version == "HTTP/1.1" || version == "HTTP/1.0") return nullptr;
  version_only = version.size() == 8 && version.starts_with("HTTP/") && version[6] == '.' &&
                 version[5] >= '0' && version[5] <= '9' && version[7] >= '0' && version[7] <= '9';
  return version_only ? "only HTTP/1.1 and HTTP/1.0 are spoken here"
                      : "the request line does not end in a version";
}

const char* field_line_fault(std::string_view line) {
  const size_t colon = line.find(':');
  if (!line.empty() && (line[0] == ' ' || line[0] == '\t')) return "a folded header line";
  if (colon == 0 || colon == std::string_view::npos) return "a header line without a name";
  if (!std::ranges::all_of(line.substr(0, colon), is_token_char))
    return "a character in a header's name that may not be there";
  if (!std::ranges::all_of(line.substr(colon + 1), is_field_char))
    return "a control character in a header's value";
  return nullptr;
}

uint64_t content_length_of(std::string_view value) {
  constexpr size_t kDigitsMax = 18;
  if (value.empty() || value.size() > kDigitsMax ||
      !std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; }))
    throw bad_request("Content-Length is not a number of bytes");
  uint64_t out = 0;
  for (const char c : value) out = out * 10 + static_cast<uint64_t>(c - '0');
  return out;
}

Refusal body_too_large(size_t body_bytes_max) {
  return {413, "too_large", fmt::format("the body is larger than {}", human_bytes(body_bytes_max))};
}

}  // namespace gantry::http
