#include "reply/call_reader.h"

#include <algorithm>

#include "reply/json_scan.h"
#include "reply/markers.h"

namespace gantry::reply {
namespace {

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) + 1 - first);
}

// Whether a tool can have this name: no markup, no white space.
bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= kCallNameBytesMax && std::ranges::none_of(name, [](char c) {
    return static_cast<unsigned char>(c) <= ' ' || c == '<' || c == '>' || c == '"' || c == '{' || c == '}';
  });
}

}  // namespace

void CallReader::begin(std::string opening, bool bare) {
  kept_ = std::move(opening);
  opening_ = kept_.size();
  bare_ = bare;
  told_ = false;
  step_ = 0;
  json_ = Json::kOpen;
  wrapped_ = false;
  python_ = Python::kOpen;
  in_array_ = false;
  clear_call();
}

void CallReader::clear_call() {
  open_ = false;
  arguments_whole_ = false;
  arguments_begun_ = false;
  name_.clear();
  id_.clear();
  key_.clear();
  early_.clear();
  scan_ = {};
  scanned_ = 0;
  pair_ = Pair::kNext;
  pairs_ = 0;
  keys_.clear();
  value_begun_ = false;
  searched_ = 0;
}

void CallReader::take(Stage& stage, size_t bytes) {
  if (!open_) kept_ += stage.rest.substr(0, bytes);
  stage.rest.remove_prefix(bytes);
}

void CallReader::skip_space(Stage& stage, std::string_view more) {
  size_t end = 0;
  while (end < stage.rest.size() && (kSpace.find(stage.rest[end]) != std::string_view::npos ||
                                     more.find(stage.rest[end]) != std::string_view::npos))
    ++end;
  take(stage, end);
}

bool CallReader::set_name(std::string_view text) {
  text = trimmed(text);
  if (format_.name_is_numbered) {
    id_ = text;
    const size_t colon = text.rfind(':');
    if (colon != std::string_view::npos && colon + 1 < text.size() &&
        text.find_first_not_of("0123456789", colon + 1) == std::string_view::npos)
      text = text.substr(0, colon);
  }
  if (!format_.name_prefix.empty() && text.starts_with(format_.name_prefix))
    text.remove_prefix(format_.name_prefix.size());
  if (!is_name(text)) return false;
  name_ = text;
  return true;
}

void CallReader::tell(ReplyEvents& events) {
  events.begin(name_, id_);
  open_ = told_ = true;
  kept_.clear();
  events.text(ReplyKind::kArguments, early_);
  early_.clear();
}

void CallReader::end_call(ReplyEvents& events, bool whole) {
  events.end(whole);
  clear_call();
}

// What is not a call in Python syntax may be source code.
bool CallReader::may_be_code(const CallStep& failed) const {
  return failed.kind == StepKind::kPython && !told_ && step_ + 1 < format_.call.size() &&
         format_.call[step_ + 1].kind == StepKind::kCode;
}

// The text is not a call, or it has ended.
CallReader::Outcome CallReader::stop(Stage& stage, bool failed) {
  if (!open_) {
    // At the end all of it is given back, and at least one byte always, so that the same text is not tried
    // again.
    if (!failed) take(stage, stage.rest.size());
    if (kept_.empty() && !told_) take(stage, std::min<size_t>(1, stage.rest.size()));
    return Outcome::kFailed;
  }
  if (!failed) {
    if (!arguments_whole_) cut_pair(stage);
    // What is left is a part of the call's own markup.
    stage.rest = {};
  }
  end_call(stage.events, arguments_whole_);
  return Outcome::kDone;
}

CallReader::Outcome CallReader::read(std::string_view& rest, bool over, ReplyEvents& events) {
  Stage stage{rest, over, events};
  while (step_ < format_.call.size()) {
    const CallStep& now = format_.call[step_];
    switch (step(stage, now)) {
      case Went::kOn:
        ++step_;
        break;
      case Went::kOther:  // the JSON step matched: the steps after it are for the other syntax
      case Went::kDone:
        step_ = format_.call.size();
        break;
      case Went::kWait:
        return over ? stop(stage, false) : Outcome::kMore;
      case Went::kFail:
        if (!may_be_code(now)) return stop(stage, true);
        ++step_;
        break;
    }
  }
  if (open_) end_call(stage.events, true);
  return told_ ? Outcome::kDone : Outcome::kFailed;
}

CallReader::Went CallReader::step(Stage& stage, const CallStep& step) {
  switch (step.kind) {
    case StepKind::kJson:
      return json_step(stage);
    case StepKind::kText:
    case StepKind::kMayText:
      return text_step(stage, step);
    case StepKind::kName:
    case StepKind::kId:
    case StepKind::kSkip:
      return before_step(stage, step);
    case StepKind::kPython:
      return python_step(stage);
    case StepKind::kCode:
      return code_step(stage);
    case StepKind::kArguments:
      if (!format_.literal.quotes.empty()) return literal_step(stage);
      return format_.pairs.key_open.empty() ? object_step(stage) : pairs_step(stage);
  }
  return Went::kFail;
}

CallReader::Went CallReader::text_step(Stage& stage, const CallStep& step) {
  const bool may = step.kind == StepKind::kMayText;
  skip_space(stage);
  const Found found = match_here(stage.rest, step.texts, stage.over);
  if (found.match == Match::kPart) return Went::kWait;
  if (found.match == Match::kNone) return may ? Went::kOn : stage.rest.empty() ? Went::kWait : Went::kFail;
  take(stage, step.texts[found.which].size());
  return Went::kOn;
}

CallReader::Went CallReader::before_step(Stage& stage, const CallStep& step) {
  if (step.kind == StepKind::kName) skip_space(stage);
  const Found found = find_marker(stage.rest, step.texts, stage.over);
  if (found.at > kCallKeyBytesMax) return Went::kFail;
  if (found.match != Match::kWhole) return Went::kWait;
  const std::string_view text = stage.rest.substr(0, found.at);
  if (step.kind == StepKind::kName && (!set_name(text) || (bare_ && !tools_.knows(name_))))
    return Went::kFail;
  if (step.kind == StepKind::kId) id_ = trimmed(text);
  take(stage, found.at);
  return Went::kOn;
}

// Arguments in JSON, after a name.
CallReader::Went CallReader::object_step(Stage& stage) {
  if (!open_) {
    skip_space(stage);
    if (stage.rest.empty()) return Went::kWait;
    if (stage.rest.front() != '{') return nothing_given(stage);
    tell(stage.events);
  }
  const size_t bytes = scan_.feed(stage.rest);
  stage.events.text(ReplyKind::kArguments, stage.rest.substr(0, bytes));
  take(stage, bytes);
  arguments_whole_ = scan_.done();
  if (scan_.broken()) return Went::kFail;
  return arguments_whole_ ? Went::kOn : Went::kWait;
}

// The texts that end a call: those of the next step, or the call's closing marker.
const std::vector<std::string>& CallReader::ends() const {
  return step_ + 1 < format_.call.size() ? format_.call[step_ + 1].texts : format_.call_close;
}

// A call whose end follows its name.
CallReader::Went CallReader::nothing_given(Stage& stage) {
  const Found found = match_here(stage.rest, ends(), stage.over);
  if (found.match == Match::kPart) return Went::kWait;
  if (found.match == Match::kNone) return Went::kFail;
  tell(stage.events);
  stage.events.text(ReplyKind::kArguments, "{}");
  arguments_whole_ = true;
  return Went::kOn;
}

}  // namespace gantry::reply
