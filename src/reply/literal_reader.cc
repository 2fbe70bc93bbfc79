#include "reply/literal_reader.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "reply/json_scan.h"
#include "reply/markers.h"
#include "text/json.h"
#include "text/utf8.h"

namespace gantry::reply {
namespace {

void skip_space(std::string_view& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(kSpace), rest.size()));
}

// A bare word as JSON; a word that has no meaning there becomes a string.
std::string json_of_word(std::string_view word) {
  // A number with leading zeros.
  const size_t digits = word.starts_with('-') ? 1 : 0;
  if (word.size() > digits + 1 && word.find_first_not_of("0123456789", digits) == std::string_view::npos) {
    const size_t first = std::min(word.find_first_not_of('0', digits), word.size() - 1);
    return std::string(word.substr(0, digits)) + std::string(word.substr(first));
  }
  if (word == "True" || word == "true") return "true";
  if (word == "False" || word == "false") return "false";
  if (word == "None" || word == "null") return "null";
  if (Json::accept(word)) return std::string(word);
  return '"' + escaped(word) + '"';
}

int hex_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The escape \xHH, \uHHHH or \UHHHHHHHH in JSON; empty when its digits are no hexadecimal number.
std::string json_of_code(std::string_view digits) {
  uint64_t code = 0;
  for (const char c : digits) {
    const int hex = hex_of(c);
    if (hex < 0) return {};
    code = code * 16 + static_cast<uint64_t>(hex);
  }
  // Surrogates stay as they are: JSON encodes pairs in the same way.
  if (code <= 0xFFFF) return fmt::format("\\u{:04x}", code);
  if (code > 0x10FFFF) return {};
  code -= 0x10000;
  return fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (code >> 10), 0xDC00 + (code & 0x3FF));
}

size_t code_digits(char kind) {
  switch (kind) {
    case 'x':
      return 2;
    case 'u':
      return 4;
    case 'U':
      return 8;
    default:
      return 0;
  }
}

}  // namespace

void LiteralReader::begin(const LiteralRules& rules, char close) {
  rules_ = &rules;
  open_ = {{close, true, true}};
  state_ = State::kItem;
  quote_.clear();
  in_key_ = false;
}

LiteralReader::Went LiteralReader::read(std::string_view& rest, bool over, std::string& json) {
  while (true) {
    switch (step(rest, over, json)) {
      case Step::kOn:
        break;
      case Step::kWait:
        return Went::kMore;
      case Step::kDone:
        return Went::kDone;
      case Step::kFail:
        return Went::kFailed;
    }
  }
}

LiteralReader::Step LiteralReader::step(std::string_view& rest, bool over, std::string& json) {
  if (state_ != State::kString && state_ != State::kWord) skip_space(rest);
  if (rest.empty()) return Step::kWait;
  switch (state_) {
    case State::kItem:
      return item(rest, over, json);
    case State::kKeyEnd: {
      const char wanted = open_.size() == 1 ? rules_->key_end : ':';
      if (rest.front() != wanted) return Step::kFail;
      rest.remove_prefix(1);
      state_ = State::kValue;
      return Step::kOn;
    }
    case State::kValue:
      return value(rest, over, json);
    case State::kString:
      return string(rest, over, json);
    case State::kWord:
      return word(rest, over, json);
    case State::kAfter:
      return after(rest, json);
  }
  return Step::kFail;
}

LiteralReader::Step LiteralReader::open(char close, bool object, std::string& json) {
  if (open_.size() == kLiteralDepthMax) return Step::kFail;
  open_.push_back({close, object, true});
  json += object ? '{' : '[';
  state_ = State::kItem;
  return Step::kOn;
}

LiteralReader::Step LiteralReader::close(std::string_view& rest, std::string& json) {
  if (open_.size() == 1 && open_.back().empty) json += '{';
  json += open_.back().object ? '}' : ']';
  rest.remove_prefix(1);
  open_.pop_back();
  state_ = State::kAfter;
  return open_.empty() ? Step::kDone : Step::kOn;
}

LiteralReader::Step LiteralReader::item(std::string_view& rest, bool over, std::string& json) {
  Container& now = open_.back();
  if (rest.front() == now.close) return close(rest, json);
  std::string before = now.empty ? "" : ", ";
  if (open_.size() == 1 && now.empty) before = "{";
  if (!now.object) {
    json += before;
    now.empty = false;
    return value(rest, over, json);
  }
  in_key_ = true;
  bool quoted = false;
  std::string begun;
  const Step string = open_string(rest, over, begun, quoted);
  if (string == Step::kWait || quoted) {
    if (quoted) {
      json += before + begun;
      now.empty = false;
    }
    return string;
  }
  const size_t end = rest.find_first_of(" \t\r\n:=,()[]{}\"'");
  if (end == 0 || (end == std::string_view::npos ? rest.size() : end) > kLiteralWordBytesMax)
    return Step::kFail;
  if (end == std::string_view::npos && !over) return Step::kWait;
  json += before + '"' + escaped(rest.substr(0, end));
  now.empty = false;
  if (end == std::string_view::npos) {
    rest = {};
    return Step::kWait;
  }
  json += "\": ";
  rest.remove_prefix(end);
  in_key_ = false;
  state_ = State::kKeyEnd;
  return Step::kOn;
}

// A string begins here if one of the quotes does.
LiteralReader::Step LiteralReader::open_string(std::string_view& rest, bool over, std::string& json,
                                               bool& found) {
  const Found mark = match_here(rest, rules_->quotes, over);
  if (mark.match == Match::kPart) return Step::kWait;
  found = mark.match == Match::kWhole;
  if (!found) return Step::kOn;
  quote_ = rules_->quotes[mark.which];
  rest.remove_prefix(quote_.size());
  json += '"';
  state_ = State::kString;
  return Step::kOn;
}

LiteralReader::Step LiteralReader::value(std::string_view& rest, bool over, std::string& json) {
  in_key_ = false;
  state_ = State::kValue;
  bool quoted = false;
  const Step string = open_string(rest, over, json, quoted);
  if (string == Step::kWait || quoted) return string;
  const char c = rest.front();
  if (c == '{' || c == '[' || c == '(') {
    rest.remove_prefix(1);
    return open(c == '{' ? '}' : c == '[' ? ']' : ')', c == '{', json);
  }
  state_ = State::kWord;
  return Step::kOn;
}

// A quote of one character may also occur unescaped inside a string: it ends the string only where something
// follows that can come after a string.
bool LiteralReader::ends_string(std::string_view rest, bool over, bool& wait) const {
  if (quote_.size() > 1) return true;
  size_t next = rest.find_first_not_of(kSpace, 1);
  // After a value the open brackets may close, and after the last of them nothing else may.
  size_t depth = open_.size();
  for (; !in_key_ && depth > 0 && next < rest.size() && rest[next] == open_[depth - 1].close; --depth)
    next = rest.find_first_not_of(kSpace, next + 1);
  wait = next >= rest.size() && !over;
  if (next >= rest.size()) return over;
  if (in_key_) return rest[next] == ':' || rest[next] == '=';
  if (depth == 0) return std::string_view(")}\"'").find(rest[next]) == std::string_view::npos;
  return rest[next] == ',';
}

LiteralReader::Step LiteralReader::string(std::string_view& rest, bool over, std::string& json) {
  const std::array<std::string, 2> marks = {quote_, "\\"};
  const Found found = find_marker(rest, {marks.data(), rules_->escapes ? 2U : 1U}, over);
  json += escaped(rest.substr(0, found.at));
  rest.remove_prefix(found.at);
  if (found.match != Match::kWhole) return Step::kWait;
  if (found.which == 1) return escape(rest, over, json);
  bool wait = false;
  if (!ends_string(rest, over, wait)) {
    if (wait) return Step::kWait;
    json += escaped(rest.substr(0, 1));
    rest.remove_prefix(1);
    return Step::kOn;
  }
  rest.remove_prefix(quote_.size());
  json += in_key_ ? "\": " : "\"";
  state_ = in_key_ ? State::kKeyEnd : State::kAfter;
  in_key_ = false;
  return Step::kOn;
}

LiteralReader::Step LiteralReader::escape(std::string_view& rest, bool over, std::string& json) {
  constexpr std::string_view kKinds = "ntrbf'\"\\\n0a";
  constexpr std::array<std::string_view, 11> kJson = {"\\n",  "\\t",  "\\r", "\\b",     "\\f",    "'",
                                                      "\\\"", "\\\\", "",    "\\u0000", "\\u0007"};
  if (rest.size() < 2 && !over) return Step::kWait;
  const char kind = rest.size() < 2 ? ' ' : rest[1];
  if (const size_t known = kKinds.find(kind); known != std::string_view::npos) {
    json += kJson[known];
    rest.remove_prefix(2);
    return Step::kOn;
  }
  const size_t digits = code_digits(kind);
  if (digits > 0 && rest.size() < 2 + digits && !over) return Step::kWait;
  if (digits > 0 && rest.size() >= 2 + digits) {
    if (const std::string code = json_of_code(rest.substr(2, digits)); !code.empty()) {
      json += code;
      rest.remove_prefix(2 + digits);
      return Step::kOn;
    }
  }
  json += "\\\\";
  rest.remove_prefix(1);
  return Step::kOn;
}

LiteralReader::Step LiteralReader::word(std::string_view& rest, bool over, std::string& json) {
  const size_t end = rest.find_first_of(" \t\r\n:=,()[]{}\"'");
  const size_t bytes = std::min(end, rest.size());
  if (bytes == 0 || bytes > kLiteralWordBytesMax) return Step::kFail;
  if (end == std::string_view::npos && !over) return Step::kWait;
  // A word cut off by the end of the text may be the beginning of another.
  json += end == std::string_view::npos ? escaped(rest) : json_of_word(rest.substr(0, bytes));
  rest.remove_prefix(bytes);
  state_ = State::kAfter;
  return Step::kOn;
}

LiteralReader::Step LiteralReader::after(std::string_view& rest, std::string& json) {
  if (rest.front() == open_.back().close) return close(rest, json);
  // With quotes of more than one character the comma may be missing.
  const bool comma = rest.front() == ',';
  if (!comma && (rules_->quotes[0].size() == 1 || !open_.back().object || rules_->escapes))
    return Step::kFail;
  if (comma) rest.remove_prefix(1);
  state_ = State::kItem;
  return Step::kOn;
}

const LiteralRules& python_rules() {
  static const LiteralRules rules = {.quotes = {"\"\"\"", "'''", "\"", "'"}, .escapes = true, .key_end = '='};
  return rules;
}

std::string json_of_literal(std::string_view text) {
  if (text == "True" || text == "False" || text == "None") return json_of_word(text);
  if (text.empty() || std::string_view("{[(").find(text.front()) == std::string_view::npos) return {};
  // As the only argument of a call.
  const std::string call = "value=" + std::string(text) + ')';
  std::string_view rest = call;
  std::string json;
  LiteralReader reader;
  reader.begin(python_rules(), ')');
  if (reader.read(rest, true, json) != LiteralReader::Went::kDone || !rest.empty()) return {};
  constexpr std::string_view kBefore = "{\"value\": ";
  json = json.substr(kBefore.size(), json.size() - kBefore.size() - 1);
  return Json::accept(json) ? json : std::string();
}

}  // namespace gantry::reply
