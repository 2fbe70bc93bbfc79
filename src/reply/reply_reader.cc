#include "reply/reply_reader.h"

#include <algorithm>

#include "reply/json_scan.h"

namespace gantry::reply {
namespace {

std::string_view without_end_space(std::string_view text) {
  const size_t last = text.find_last_not_of(kSpace);
  return last == std::string_view::npos ? std::string_view() : text.substr(0, last + 1);
}

bool is_only(std::string_view text, std::string_view characters) {
  return text.find_first_not_of(characters) == std::string_view::npos;
}

}  // namespace

ReplyReader::ReplyReader(const ReplyFormat& format, const ReplyOptions& options)
    : format_(format),
      tools_(options.tools && (!format.call.empty())),
      types_(options.tool_list),
      reader_(format_, types_) {
  for (const Span& span : format.reasoning) add_markers({span.open}, Role::kReasoning);
  for (const Span& span : format.reasoning) add_markers({span.close}, Role::kReasoningEnd);
  for (const Span& span : format.answer) add_markers({span.open}, Role::kAnswer);
  for (const Span& span : format.answer) add_markers({span.close}, Role::kAnswerEnd);
  add_markers(format.silent, Role::kSilent);
  if (!format.channels.message.empty()) {
    const size_t marks = std::min<size_t>(2, format.channels.begins.size());
    add_markers({format.channels.begins.data(), format.channels.begins.data() + marks}, Role::kHeader);
    add_markers(format.channels.ends, Role::kEnd);
    state_ = State::kHeader;
    // The prompt may end with the beginning of the header.
    const std::string& begin = format.channels.begins[0];
    if (format.channels.ends.empty() && options.prompt.ends_with(begin)) buffer_ = begin;
  }
  if (tools_ && !format.call_open.empty()) {
    add_markers(format.section_open, Role::kSection);
    add_markers(format.section_close, Role::kSectionEnd);
    add_markers(format.call_open, Role::kCall);
    add_markers(format.call_begins, Role::kCallBegins);
  }
  if (open_in(options.prompt)) state_ = State::kReasoning;
}

void ReplyReader::add_markers(const std::vector<std::string>& texts, Role role) {
  for (const std::string& text : texts) {
    const auto same = static_cast<size_t>(
        std::ranges::count(meanings_, role, [](const Meaning& meaning) { return meaning.role; }));
    markers_.push_back(text);
    meanings_.push_back({role, same});
  }
}

// The template may have opened the reasoning at the end of the prompt.
bool ReplyReader::open_in(std::string_view prompt) {
  prompt = without_end_space(prompt);
  for (const Span& span : format_.reasoning) {
    if (!prompt.ends_with(without_end_space(span.open))) continue;
    begin_reasoning(span);
    return true;
  }
  return false;
}

std::vector<ReplyEvent> ReplyReader::push(std::string_view piece) {
  buffer_ += piece;
  std::string_view rest = buffer_;
  while (advance(rest)) {
  }
  buffer_.erase(0, buffer_.size() - rest.size());
  return events_.take();
}

std::vector<ReplyEvent> ReplyReader::finish(bool complete) {
  over_ = true;
  complete_ = complete;
  if (complete) reader_.expect_nothing_more();
  std::string_view rest = buffer_;
  while (advance(rest)) {
  }
  if (!is_only(opening_, kSpace)) say(opening_);
  say(rest);
  // Space at the end is content's own, unless there is nothing but structure.
  if (spoken_ || !structured_) events_.text(ReplyKind::kContent, space_);
  // The text ended between a tool's name and its call.
  if (!addressed_.empty()) {
    events_.begin(std::exchange(addressed_, {}), "");
    events_.end(false);
  }
  buffer_.clear();
  opening_.clear();
  space_.clear();
  return events_.take();
}

// One step forward; false when more text is needed.
bool ReplyReader::advance(std::string_view& rest) {
  switch (state_) {
    case State::kText:
      return text(rest);
    case State::kReasoning:
      return reasoning(rest);
    case State::kPerhapsCall:
      return perhaps_call(rest);
    case State::kSection:
      return section(rest);
    case State::kCall:
      return call(rest);
    case State::kClose:
      return close(rest);
    case State::kHeader:
      return header(rest);
    case State::kBody:
      return body(rest);
  }
  return false;
}

// Content. White space before and after markers is not content.
void ReplyReader::say(std::string_view text) {
  if (!spoken_ && structured_ && space_.empty()) {
    const size_t first = text.find_first_not_of(kSpace);
    text.remove_prefix(std::min(first, text.size()));
  }
  const std::string_view words = without_end_space(text);
  if (!words.empty()) {
    events_.text(ReplyKind::kContent, space_);
    events_.text(ReplyKind::kContent, words);
    space_.clear();
    spoken_ = true;
  }
  space_ += text.substr(words.size());
  // Without calls nothing can follow that would make it structure's.
  if (spoken_ && !tools_ && !in_answer_ && format_.channels.message.empty()) {
    events_.text(ReplyKind::kContent, space_);
    space_.clear();
  }
}

void ReplyReader::reason(std::string_view text) {
  if (!reasoned_) text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
  const std::string_view words = without_end_space(text);
  if (!words.empty()) {
    events_.text(ReplyKind::kReasoning, reasoning_space_);
    events_.text(ReplyKind::kReasoning, words);
    reasoning_space_.clear();
    reasoned_ = true;
  }
  if (reasoned_) reasoning_space_ += text.substr(words.size());
}

void ReplyReader::after_structure() {
  structured_ = true;
  spoken_ = false;
  space_.clear();
}

bool ReplyReader::text(std::string_view& rest) {
  if (rest.empty()) return false;
  if (tools_ && format_.bare && !spoken_) {
    const size_t first = rest.find_first_not_of(kSpace);
    if (first == std::string_view::npos) return false;
    if (rest[first] == '{' || rest[first] == '[') return bare_call(rest);
  }
  const Found found = find_marker(rest, markers_, over_);
  say(rest.substr(0, found.at));
  rest.remove_prefix(found.at);
  return found.match == Match::kWhole && marker(rest, found.which);
}

bool ReplyReader::bare_call(std::string_view& rest) {
  const size_t first = rest.find_first_not_of(kSpace);
  reader_.begin(std::string(rest.substr(0, first)), true);
  rest.remove_prefix(first);
  state_ = State::kCall;
  return true;
}

bool ReplyReader::marker(std::string_view& rest, size_t which) {
  const std::string& found = markers_[which];
  const Meaning& meaning = meanings_[which];
  rest.remove_prefix(found.size());
  switch (meaning.role) {
    case Role::kReasoning:
      // In the middle of content the marker is only mentioned.
      if (spoken_ && !format_.reasoning[meaning.index].anywhere)
        say(found);
      else
        begin_reasoning(format_.reasoning[meaning.index]);
      break;
    case Role::kReasoningEnd:
      // A model that was not to reason may say so.
      if (!spoken_ && events_.calls() == 0)
        after_structure();
      else if (!format_.reasoning[meaning.index].anywhere)
        say(found);
      break;
    case Role::kSection:
      opening_ = found;
      in_section_ = true;
      state_ = State::kSection;
      break;
    case Role::kSectionEnd:
      if (spoken_ || events_.calls() == 0) say(found);
      break;
    case Role::kCall:
      reader_.begin(found, false);
      state_ = State::kCall;
      break;
    case Role::kCallBegins:
      rest = std::string_view(rest.data() - found.size(), rest.size() + found.size());
      reader_.begin("", true);
      state_ = State::kCall;
      break;
    case Role::kHeader:
      rest = std::string_view(rest.data() - found.size(), rest.size() + found.size());
      state_ = State::kHeader;
      break;
    case Role::kAnswer:
    case Role::kAnswerEnd: {
      const bool ends = meaning.role == Role::kAnswerEnd;
      // After calls, an end marker alone means nothing.
      const bool alone = ends && !in_answer_ && !spoken_ && events_.calls() > 0;
      if (ends ? !in_answer_ && !alone : spoken_) {
        say(found);
        break;
      }
      in_answer_ = !ends;
      after_structure();
      break;
    }
    case Role::kSilent:
    case Role::kEnd:
      break;
  }
  return true;
}

// Between the calls of a section.
bool ReplyReader::section(std::string_view& rest) {
  const size_t first = std::min(rest.find_first_not_of(" \t\r\n,;"), rest.size());
  opening_ += rest.substr(0, first);
  rest.remove_prefix(first);
  if (rest.empty()) return false;
  const Found opens = match_here(rest, format_.call_open, over_);
  const Found closes = match_here(rest, format_.section_close, over_);
  if (opens.match == Match::kWhole) {
    const std::string& found = format_.call_open[opens.which];
    rest.remove_prefix(found.size());
    reader_.begin(opening_ + found, false);
    opening_.clear();
    state_ = State::kCall;
    return true;
  }
  if (closes.match == Match::kWhole) {
    rest.remove_prefix(format_.section_close[closes.which].size());
    opening_.clear();
    after_structure();
  } else if (opens.match == Match::kPart || closes.match == Match::kPart) {
    return false;
  } else if (!is_only(opening_, " \t\r\n,;")) {
    say(opening_);
  }
  opening_.clear();
  in_section_ = false;
  state_ = State::kText;
  return true;
}

bool ReplyReader::call(std::string_view& rest) {
  const uint32_t before = events_.calls();
  const CallReader::Outcome outcome = reader_.read(rest, over_, events_);
  if (events_.calls() != before) {
    after_structure();
    addressed_.clear();
  }
  if (outcome == CallReader::Outcome::kMore) return false;
  if (outcome == CallReader::Outcome::kDone) {
    state_ = State::kClose;
    return true;
  }
  // The kept text is content; markers in it are only mentioned.
  if (!reader_.told() || !is_only(reader_.kept(), " \t\r\n,;]")) say(reader_.kept());
  leave_call();
  return true;
}

void ReplyReader::leave_call() { state_ = in_section_ ? State::kSection : State::kText; }

// After a call: its closing marker, if it has one and the model wrote it, perhaps after a few surplus
// brackets.
bool ReplyReader::close(std::string_view& rest) {
  constexpr size_t kBracketsMax = 64;  // bytes, with the space among them; more are no slip
  rest.remove_prefix(std::min(rest.find_first_not_of(kSpace), rest.size()));
  const size_t brackets = std::min(rest.find_first_not_of(" \t\r\n]}"), rest.size());
  if (brackets <= kBracketsMax) {
    const bool ends = brackets == rest.size();
    if (ends && brackets > 0 && !over_) return false;
    const Found found = match_here(rest.substr(brackets), format_.call_close, over_);
    if (found.match == Match::kPart && !format_.call_close.empty()) return false;
    if (found.match == Match::kWhole)
      rest.remove_prefix(brackets + format_.call_close[found.which].size());
    else if (ends && brackets > 0)
      rest = {};
  }
  leave_call();
  return true;
}

}  // namespace gantry::reply
