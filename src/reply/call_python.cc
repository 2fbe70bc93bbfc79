// Calls in Python syntax, NAME(key=value, ...), one, several or a list of them; and arguments in similar
// notations.
#include <algorithm>

#include "base/check.h"
#include "reply/call_reader.h"
#include "reply/json_scan.h"
#include "reply/markers.h"

namespace gantry::reply {
namespace {

// Length of the name at the beginning of `text`.
size_t name_bytes(std::string_view text) {
  const auto ends = [](char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return !letter && c != '_' && c != '.' && c != '-';
  };
  return static_cast<size_t>(std::ranges::find_if(text, ends) - text.begin());
}

}  // namespace

CallReader::Went CallReader::python_step(Stage& stage) {
  while (true) {
    Went went = Went::kFail;
    switch (python_) {
      case Python::kOpen:
        went = python_open(stage);
        break;
      case Python::kCall:
        went = python_call(stage);
        break;
      case Python::kFirst:
        went = python_first(stage);
        break;
      case Python::kArguments:
        went = literal_part(stage);
        if (went == Went::kDone) {
          end_call(stage.events, true);
          python_ = Python::kAfter;
          went = Went::kOn;
        }
        break;
      case Python::kAfter:
        went = python_after(stage);
        break;
    }
    if (went == Went::kDone) return Went::kOn;
    if (went != Went::kOn) return went;
  }
}

CallReader::Went CallReader::python_open(Stage& stage) {
  skip_space(stage);
  if (stage.rest.empty()) return Went::kWait;
  in_array_ = stage.rest.front() == '[';
  if (in_array_) take(stage, 1);
  python_ = Python::kCall;
  return Went::kOn;
}

CallReader::Went CallReader::python_call(Stage& stage) {
  skip_space(stage, told_ ? ",;" : "");
  if (stage.rest.empty()) return Went::kWait;
  if (in_array_ && told_ && stage.rest.front() == ']') {
    take(stage, 1);
    return Went::kDone;
  }
  const size_t bytes = name_bytes(stage.rest);
  if (bytes > kCallNameBytesMax) return Went::kFail;
  if (bytes == stage.rest.size()) return Went::kWait;
  if (stage.rest[bytes] != '(' || !set_name(stage.rest.substr(0, bytes))) return Went::kFail;
  if (!tools_.knows(name_)) {
    // Llama's built-in tools are called as NAME.call(...).
    constexpr std::string_view kCall = ".call";
    if (name_.size() > kCall.size() && name_.ends_with(kCall)) name_.resize(name_.size() - kCall.size());
    const bool known = tools_.knows(name_);
    if (!known && (bare_ || (may_be_code(format_.call[step_]) && !tools_.code_tool().empty())))
      return Went::kFail;
  }
  take(stage, bytes + 1);
  python_ = Python::kFirst;
  return Went::kOn;
}

// It is a call if its parentheses are empty or begin with a key: positional arguments have no name in JSON.
CallReader::Went CallReader::python_first(Stage& stage) {
  skip_space(stage);
  if (stage.rest.empty()) return Went::kWait;
  if (stage.rest.front() != ')') {
    const size_t bytes = name_bytes(stage.rest);
    const size_t next = stage.rest.find_first_not_of(" \t", bytes);
    if (bytes == 0 || bytes > kCallKeyBytesMax) return Went::kFail;
    if (next == std::string_view::npos) return Went::kWait;
    if (stage.rest[next] != '=') return Went::kFail;
  }
  tell(stage.events);
  literal_.begin(python_rules(), ')');
  python_ = Python::kArguments;
  return Went::kOn;
}

CallReader::Went CallReader::literal_part(Stage& stage) {
  std::string json;
  const size_t before = stage.rest.size();
  const LiteralReader::Went went = literal_.read(stage.rest, stage.over, json);
  GANTRY_CHECK_LE(stage.rest.size(), before);
  stage.events.text(ReplyKind::kArguments, json);
  switch (went) {
    case LiteralReader::Went::kMore:
      return Went::kWait;
    case LiteralReader::Went::kDone:
      arguments_whole_ = true;
      return Went::kDone;
    case LiteralReader::Went::kFailed:
      break;
  }
  return Went::kFail;
}

// Another call may follow. Text that does not belong to it is not consumed.
CallReader::Went CallReader::python_after(Stage& stage) {
  python_ = Python::kCall;
  if (in_array_) return Went::kOn;
  const size_t next = stage.rest.find_first_not_of(" \t\r\n,;");
  if (next == std::string_view::npos || next + name_bytes(stage.rest.substr(next)) == stage.rest.size()) {
    if (stage.over) return Went::kDone;
    python_ = Python::kAfter;
    return Went::kWait;
  }
  const std::string_view rest = stage.rest.substr(next);
  const size_t bytes = name_bytes(rest);
  return bytes > 0 && rest[bytes] == '(' ? Went::kOn : Went::kDone;
}

// Source code, for the request's tool that runs code: up to the closing marker, or to the end.
CallReader::Went CallReader::code_step(Stage& stage) {
  if (told_ && !open_) return Went::kOn;  // there were calls
  if (!open_) {
    const std::string_view tool = tools_.code_tool();
    if (bare_ || tool.empty()) return Went::kFail;
    const std::string code = escaped(kept_.substr(opening_));
    name_ = tool;
    id_.clear();
    tell(stage.events);
    stage.events.text(ReplyKind::kArguments, "{\"" + escaped(tools_.code_argument(tool)) + "\": \"" + code);
  }
  const Found found = find_marker(stage.rest, format_.call_close, stage.over);
  stage.events.text(ReplyKind::kArguments, escaped(stage.rest.substr(0, found.at)));
  take(stage, found.at);
  if (found.match != Match::kWhole && !stage.over) return Went::kWait;
  stage.events.text(ReplyKind::kArguments, "\"}");
  arguments_whole_ = true;
  return Went::kOn;
}

// Arguments in braces, after a name.
CallReader::Went CallReader::literal_step(Stage& stage) {
  if (!open_) {
    skip_space(stage);
    if (stage.rest.empty()) return Went::kWait;
    if (stage.rest.front() != '{') return nothing_given(stage);
    take(stage, 1);
    tell(stage.events);
    literal_.begin(format_.literal, '}');
  }
  const Went went = literal_part(stage);
  return went == Went::kDone ? Went::kOn : went;
}

}  // namespace gantry::reply
