// Reasoning, and calls within it: if only calls follow, the first of them ends the reasoning, which the model
// forgot to close; any other call is only mentioned in the reasoning.
#include <algorithm>

#include "reply/reply_reader.h"

namespace gantry::reply {
namespace {

constexpr size_t kEnd = 0, kBegin = 1, kFirstCall = 2;  // of reasoning_marks_

}  // namespace

ReplyReader::ReplyReader(const ReplyFormat& format, const ToolTypes& types)
    : format_(format), tools_(true), types_(types), reader_(format_, types_), structured_(true) {
  add_markers(format.section_open, Role::kSection);
  add_markers(format.section_close, Role::kSectionEnd);
  add_markers(format.call_open, Role::kCall);
  add_markers(format.call_begins, Role::kCallBegins);
}

void ReplyReader::begin_reasoning(const Span& span) {
  reasoning_marks_ = {span.close, span.open};
  if (tools_)
    for (const auto* marks : {&format_.section_open, &format_.call_open, &format_.call_begins})
      reasoning_marks_.insert(reasoning_marks_.end(), marks->begin(), marks->end());
  after_structure();
  reasoned_ = false;
  deaf_ = 0;
  state_ = State::kReasoning;
}

void ReplyReader::end_reasoning() {
  reasoned_ = false;
  reasoning_space_.clear();
  after_structure();
  state_ = State::kText;
}

bool ReplyReader::reasoning(std::string_view& rest) {
  Found found;
  for (size_t from = 0;; from = found.at + 1) {
    found = find_marker(rest.substr(from), reasoning_marks_, over_);
    found.at += from;
    if (found.match != Match::kWhole || found.which < kFirstCall || found.at >= deaf_) break;
  }
  reason(rest.substr(0, found.at));
  rest.remove_prefix(found.at);
  deaf_ -= std::min(deaf_, found.at);
  if (found.match != Match::kWhole) return false;
  if (found.which >= kFirstCall) {
    perhaps_.reset(new ReplyReader(format_, types_));
    perhaps_found_.clear();
    perhaps_read_ = 0;
    state_ = State::kPerhapsCall;
    return true;
  }
  const std::string& mark = reasoning_marks_[found.which];
  rest.remove_prefix(mark.size());
  deaf_ -= std::min(deaf_, mark.size());
  if (found.which == kEnd)
    end_reasoning();
  else if (reasoned_)  // a model may open again what its prompt had opened
    reason(reasoning_marks_[kBegin]);
  return true;
}

// False when there is anything but calls of the request's tools.
bool ReplyReader::only_calls(std::vector<ReplyEvent> found) {
  for (ReplyEvent& event : found) {
    const bool unknown = event.kind == ReplyKind::kCallBegin && !types_.knows(event.text);
    if (event.kind == ReplyKind::kContent || unknown) return false;
    perhaps_found_.push_back(std::move(event));
  }
  return true;
}

// Parsed byte by byte, so that the place where it turns out to be no call depends on the text alone.
bool ReplyReader::perhaps_call(std::string_view& rest) {
  Found end = find_marker(rest.substr(perhaps_read_), {&reasoning_marks_[kEnd], 1}, over_);
  end.at += perhaps_read_;
  bool calls = true;
  while (calls && perhaps_read_ < end.at) calls = only_calls(perhaps_->push(rest.substr(perhaps_read_++, 1)));
  if (calls && end.match != Match::kWhole) {
    if (!over_) return false;
    if (only_calls(perhaps_->finish(complete_))) {
      end_reasoning();
      events_.append(std::move(perhaps_found_));
      rest = {};
      return false;
    }
  }
  // It was only mentioned, as is everything in the text parsed so far that looks like the beginning of a
  // call.
  deaf_ = perhaps_read_;
  perhaps_.reset();
  state_ = State::kReasoning;
  return true;
}

}  // namespace gantry::reply
