#include "http/wire_format.h"

#include <array>
#include <ctime>
#include <iterator>

#include <fmt/format.h>

namespace gantry::http {
namespace {

// Values may repeat what a client sent (an Origin): nothing in them may begin a line of its own.
void append_field(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  for (const char c : value) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  out += "\r\n";
}

std::string http_date() {
  constexpr std::array kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", kDays[static_cast<size_t>(utc.tm_wday)],
                     utc.tm_mday, kMonths[static_cast<size_t>(utc.tm_mon)], utc.tm_year + 1900, utc.tm_hour,
                     utc.tm_min, utc.tm_sec);
}

std::string begin_head(const Response& response, const std::vector<Header>& common,
                       const WireOptions& options) {
  std::string out = fmt::format("{}{} {}\r\n", kAnswerBegin, response.status, reason_phrase(response.status));
  append_field(out, "date", http_date());
  append_field(out, "server", "gantry");
  if (!response.content_type.empty()) append_field(out, "content-type", response.content_type);
  for (const Header& header : response.headers) append_field(out, header.name, header.value);
  for (const Header& header : common) append_field(out, header.name, header.value);
  if (!options.keep_alive)
    append_field(out, "connection", "close");
  else if (options.minor_version == 0)
    append_field(out, "connection", "keep-alive");
  return out;
}

}  // namespace

std::string wire_head(const Response& response, const std::vector<Header>& common,
                      const WireOptions& options) {
  std::string out = begin_head(response, common, options);
  if (response.status != 204) append_field(out, "content-length", std::to_string(response.body.size()));
  return out += "\r\n";
}

std::string_view wire_body(const Response& response, const WireOptions& options) {
  return options.head_only || response.status == 204 ? std::string_view() : std::string_view(response.body);
}

std::string wire_stream_head(const Response& head, const std::vector<Header>& common,
                             const WireOptions& options) {
  std::string out = begin_head(head, common, options);
  if (options.minor_version >= 1) append_field(out, "transfer-encoding", "chunked");
  return out += "\r\n";
}

void append_wire_piece(std::string& out, std::string_view piece, const WireOptions& options) {
  if (piece.empty()) return;  // an empty chunk would be the last
  if (options.minor_version == 0) {
    out += piece;
    return;
  }
  fmt::format_to(std::back_inserter(out), "{:x}\r\n", piece.size());
  out += piece;
  out += "\r\n";
}

std::string_view wire_stream_end(const WireOptions& options) {
  return options.minor_version == 0 ? "" : "0\r\n\r\n";
}

}  // namespace gantry::http
