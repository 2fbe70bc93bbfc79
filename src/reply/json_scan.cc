#include "reply/json_scan.h"

#include <fmt/format.h>

#include "text/json.h"

namespace gantry::reply {

// Whether `c` belongs to the value.
bool ValueScan::take(char c) {
  if (in_string_) {
    if (escaped_)
      escaped_ = false;
    else if (c == '\\')
      escaped_ = true;
    else if (c == '"')
      in_string_ = false;
    done_ = !in_string_ && kind_ == Kind::kString;
    return true;
  }
  const bool opens = c == '{' || c == '[', closes = c == '}' || c == ']';
  if (kind_ == Kind::kUnknown) kind_ = opens ? Kind::kContainer : c == '"' ? Kind::kString : Kind::kWord;
  if (kind_ == Kind::kWord) {
    done_ = closes || opens || c == ',' || c == ' ' || c == '\n' || c == '\r' || c == '\t';
    return !done_;
  }
  broken_ = c == '<';
  if (broken_) return false;
  in_string_ = c == '"';
  if (opens) ++depth_;
  if (closes) done_ = --depth_ == 0;
  return true;
}

size_t ValueScan::feed(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (!take(text[i])) return i;
    if (done_) return i + 1;
  }
  return text.size();
}

std::optional<size_t> string_literal(std::string_view text) {
  if (!text.starts_with('"')) return std::nullopt;
  ValueScan scan;
  const size_t size = scan.feed(text);
  return scan.done() ? std::optional(size) : std::nullopt;
}

std::string unquoted(std::string_view literal) {
  const auto parsed = Json::try_parse(literal);
  if (parsed && parsed->is_string()) return parsed->get<std::string>();
  return std::string(literal.size() < 2 ? literal : literal.substr(1, literal.size() - 2));
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\r':
        out += "\\r";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20)
          out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        else
          out += c;
    }
  }
  return out;
}

}  // namespace gantry::reply
