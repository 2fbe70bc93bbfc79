// Replies that consist of messages with headers:
// <|channel|>analysis<|message|>...<|end|><|start|>assistant...
#include <algorithm>

#include "reply/json_scan.h"
#include "reply/reply_reader.h"

namespace gantry::reply {
namespace {

constexpr size_t kHeaderBytesMax = 512;

// The word that begins at `at`: up to space or a marker.
std::string_view word_at(std::string_view text, size_t at) {
  at = std::min(text.find_first_not_of(kSpace, at), text.size());
  return text.substr(at, text.find_first_of(" \t\r\n<", at) - at);
}

}  // namespace

bool ReplyReader::header(std::string_view& rest) {
  const Channels& channels = format_.channels;
  const size_t first = rest.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return false;
  const Found begins = match_here(rest.substr(first), channels.begins, over_);
  if (begins.match == Match::kPart) return false;
  const Found ends = find_marker(rest, {&channels.message, 1}, over_);
  const bool complete =
      begins.match == Match::kWhole && ends.match == Match::kWhole && ends.at <= kHeaderBytesMax;
  if (complete && is_header(rest.substr(first, ends.at - first))) {
    read_header(rest.substr(first, ends.at - first));
    rest.remove_prefix(ends.at + channels.message.size());
    // Calls with markers of their own occur in messages that are neither reasoning nor content.
    state_ = may_call_ ? State::kText : State::kBody;
    return true;
  }
  if (!complete && begins.match == Match::kWhole && !over_ && ends.at <= kHeaderBytesMax) return false;
  if (over_ && !complete && begins.match == Match::kWhole && cut_header(rest.substr(first))) {
    rest = {};
    return false;
  }
  const bool cut = over_ && begins.match == Match::kWhole && rest.substr(first).starts_with('<') &&
                   rest.find_first_of(kSpace, first) == std::string_view::npos;
  if (cut) {
    // A header that was cut off is dropped, unless it contains words: then it may have been content.
    rest = {};
    return false;
  }
  // Not a header: content up to the next one. Its first marker must not be found again.
  const size_t some = begins.match == Match::kWhole ? first + channels.begins[begins.which].size() : first;
  say(rest.substr(0, std::min(some, rest.size())));
  rest.remove_prefix(std::min(some, rest.size()));
  state_ = State::kText;
  return true;
}

// The recipient that a header names; empty when it names none.
std::string_view ReplyReader::recipient_in(std::string_view header) const {
  const size_t to = header.find(format_.channels.recipient);
  if (to == std::string_view::npos) return {};
  return word_at(header, to + format_.channels.recipient.size());
}

// The tool that a header calls; empty when it calls none.
std::string_view ReplyReader::tool_in(std::string_view header) const {
  const Channels& channels = format_.channels;
  std::string_view recipient = recipient_in(header);
  const auto is_one_of = [&](const std::vector<std::string>& names) {
    return std::ranges::find(names, recipient) != names.end();
  };
  if (!tools_ || is_one_of(channels.content) || is_one_of(channels.reasoning)) return {};
  if (!channels.recipient_prefix.empty() && recipient.starts_with(channels.recipient_prefix))
    return recipient.substr(channels.recipient_prefix.size());
  return types_.knows(recipient) ? recipient : std::string_view();
}

// The text ended within a header: a complete tool name is a call, an incomplete one is content.
bool ReplyReader::cut_header(std::string_view header) {
  const std::string_view recipient = recipient_in(header);
  if (recipient.empty()) return false;
  const auto end = static_cast<size_t>(recipient.data() + recipient.size() - header.data());
  const std::string_view tool = tool_in(header);
  if (end == header.size() || tool.empty()) {
    say(header);
    return true;
  }
  after_structure();
  events_.begin(std::string(tool), "");
  events_.end(false);
  return true;
}

bool ReplyReader::is_header(std::string_view header) const {
  const Channels& channels = format_.channels;
  if (!channels.only_known) return true;
  const std::string_view recipient = recipient_in(header);
  if (recipient.size() + channels.recipient.size() != header.size()) return false;
  return std::ranges::find(channels.content, recipient) != channels.content.end() ||
         (tools_ && types_.knows(recipient));
}

void ReplyReader::read_header(std::string_view header) {
  const Channels& channels = format_.channels;
  after_structure();
  // A header that was begun again ends as it was meant.
  const size_t channel = channels.channel.empty() ? std::string_view::npos : header.rfind(channels.channel);
  const std::string_view name =
      channel == std::string_view::npos ? "" : word_at(header, channel + channels.channel.size());
  const std::string_view recipient = recipient_in(header);
  const auto is_one_of = [](const std::vector<std::string>& names, std::string_view one) {
    return std::ranges::find(names, one) != names.end();
  };
  const bool thinks = is_one_of(channels.reasoning, name) || is_one_of(channels.reasoning, recipient);
  body_ = thinks ? Body::kReasoning : Body::kContent;
  may_call_ = !thinks && !format_.call_open.empty() && !is_one_of(channels.content, recipient);
  reasoned_ = false;
  reasoning_space_.clear();
  addressed_.clear();
  const std::string_view tool = tool_in(header);
  if (tool.empty()) return;
  if (!format_.call_open.empty()) {
    addressed_ = tool;
    return;
  }
  body_ = Body::kCall;
  arguments_ = {};
  arguments_kind_ = ArgumentsKind::kUnknown;
  called_ = tool;
  events_.begin(called_, "");
}

// What does not begin like JSON is source code and becomes the tool's argument. `text` is not only white
// space.
void ReplyReader::begin_arguments(std::string_view text) {
  const bool json = std::string_view("{[\"").find(text.front()) != std::string_view::npos;
  arguments_kind_ = json ? ArgumentsKind::kJson : ArgumentsKind::kText;
  if (!json) events_.text(ReplyKind::kArguments, "{\"" + escaped(types_.code_argument(called_)) + "\": \"");
}

void ReplyReader::give_arguments(std::string_view text) {
  if (arguments_kind_ == ArgumentsKind::kUnknown) {
    text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
    if (text.empty()) return;
    begin_arguments(text);
  }
  if (arguments_kind_ == ArgumentsKind::kText) return events_.text(ReplyKind::kArguments, escaped(text));
  arguments_.feed(text);
  events_.text(ReplyKind::kArguments, text);
}

void ReplyReader::end_arguments(bool marked) {
  const bool code = arguments_kind_ == ArgumentsKind::kText;
  if (code) events_.text(ReplyKind::kArguments, "\"}");
  if (arguments_kind_ == ArgumentsKind::kUnknown) events_.text(ReplyKind::kArguments, "{}");
  events_.end(marked || code || arguments_.done());
}

// A call without an end marker ends with its JSON; arguments that are not JSON go on to the next header.
bool ReplyReader::call_body(std::string_view& rest) {
  if (arguments_kind_ == ArgumentsKind::kUnknown) {
    rest.remove_prefix(std::min(rest.find_first_not_of(kSpace), rest.size()));
    if (rest.empty()) return false;
    begin_arguments(rest);
  }
  if (arguments_kind_ == ArgumentsKind::kText) return false;
  const size_t bytes = arguments_.feed(rest);
  events_.text(ReplyKind::kArguments, rest.substr(0, bytes));
  rest.remove_prefix(bytes);
  if (!arguments_.done()) return false;
  events_.end(true);
  after_structure();
  state_ = State::kHeader;
  return true;
}

bool ReplyReader::body(std::string_view& rest) {
  std::vector<std::string> ends = format_.channels.ends;
  if (body_ == Body::kCall && ends.empty()) {
    if (call_body(rest)) return true;
    if (arguments_kind_ != ArgumentsKind::kText && !arguments_.broken() && !over_) return false;
  }
  ends.push_back(format_.channels.begins[0]);
  if (!format_.channels.channel.empty()) ends.push_back(format_.channels.channel);
  const Found found = find_marker(rest, ends, over_);
  const std::string_view piece = rest.substr(0, found.at);
  switch (body_) {
    case Body::kContent:
      say(piece);
      break;
    case Body::kReasoning:
      reason(piece);
      break;
    case Body::kCall:
      give_arguments(piece);
      break;
  }
  rest.remove_prefix(found.at);
  if (found.match != Match::kWhole && !over_) return false;
  if (body_ == Body::kCall) end_arguments(found.match == Match::kWhole);
  if (found.match != Match::kWhole) {
    state_ = State::kText;
    return false;
  }
  // The end marker belongs to this message; the beginning of the next one does not.
  if (found.which < format_.channels.ends.size()) rest.remove_prefix(ends[found.which].size());
  if (body_ != Body::kContent) after_structure();
  state_ = State::kHeader;
  return true;
}

}  // namespace gantry::reply
