#include "api/json_writer.h"

#include <cmath>
#include <iterator>

#include <fmt/format.h>

#include "text/utf8.h"

namespace gantry::api {
namespace {

void append_escaped(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned char>(c));
  }
}

}  // namespace

void append_json_string(std::string& out, std::string_view string) {
  out += '"';
  size_t plain = 0;  // what begins here needs no change
  size_t at = 0;
  const auto flush = [&] { out.append(string.substr(plain, at - plain)); };
  while (at < string.size()) {
    const auto c = static_cast<uint8_t>(string[at]);
    if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
      ++at;
    } else if (c < 0x80) {
      flush();
      append_escaped(out, string[at]);
      plain = ++at;
    } else if (const text::DecodedChar read = text::decode_utf8(string, at); read.valid) {
      at += read.bytes;
    } else {
      flush();
      text::append_utf8(out, text::kReplacement);
      plain = at += read.bytes;
    }
  }
  flush();
  out += '"';
}

JsonWriter& JsonWriter::key(std::string_view name) {
  separate();
  append_json_string(*out_, name);
  *out_ += ':';
  first_ = true;  // the value that follows is not separated
  return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
  separate();
  append_json_string(*out_, text);
  return *this;
}

JsonWriter& JsonWriter::value(double number) {
  if (!std::isfinite(number)) return null();
  return raw(fmt::format("{}", number));
}

JsonWriter& JsonWriter::raw(std::string_view json) {
  separate();
  out_->append(json);
  return *this;
}

JsonWriter& JsonWriter::open(char bracket) {
  separate();
  *out_ += bracket;
  first_ = true;
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  *out_ += bracket;
  first_ = false;
  return *this;
}

void JsonWriter::separate() {
  if (!first_) *out_ += ',';
  first_ = false;
}

}  // namespace gantry::api
