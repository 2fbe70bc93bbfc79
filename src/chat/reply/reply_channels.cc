// Replies of messages with headers: <|channel|>analysis<|message|>...<|end|><|start|>assistant...
#include <algorithm>

#include "chat/reply/reply_reader.h"

namespace gantry::chat {
namespace {

constexpr size_t kHeaderBytesMax = 512;
constexpr std::string_view kSpace = " \t\r\n";

// The word that begins at `at`: up to space or a marker.
std::string_view word_at(std::string_view text, size_t at) {
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
  if (begins.match == Match::kWhole && ends.match == Match::kWhole && ends.at <= kHeaderBytesMax) {
    read_header(rest.substr(first, ends.at - first));
    rest.remove_prefix(ends.at + channels.message.size());
    state_ = State::kBody;
    return true;
  }
  if (begins.match == Match::kWhole && !over_ && ends.at <= kHeaderBytesMax) return false;
  const bool cut = over_ && begins.match == Match::kWhole && rest.substr(first).starts_with('<') &&
                   rest.find_first_of(kSpace, first) == std::string_view::npos;
  if (cut) {
    // A header that was cut off says nothing; one with words in it may have been going to.
    rest = {};
    return false;
  }
  // No header: content up to the next one. Its first marker must not be found again.
  const size_t some = begins.match == Match::kWhole ? first + channels.begins[begins.which].size() : first;
  say(rest.substr(0, std::min(some, rest.size())));
  rest.remove_prefix(std::min(some, rest.size()));
  state_ = State::kText;
  return true;
}

void ReplyReader::read_header(std::string_view header) {
  const Channels& channels = format_.channels;
  after_structure();
  const size_t channel = header.find(channels.channel);
  const std::string_view name =
      channel == std::string_view::npos ? "" : word_at(header, channel + channels.channel.size());
  body_ = std::ranges::find(channels.reasoning, name) != channels.reasoning.end() ? Body::kReasoning
                                                                                  : Body::kContent;
  reasoned_ = false;
  reasoning_space_.clear();
  const size_t to = header.find(channels.recipient);
  if (to == std::string_view::npos || !tools_) return;
  std::string_view recipient = word_at(header, to + channels.recipient.size());
  if (recipient.starts_with(channels.recipient_prefix))
    recipient.remove_prefix(channels.recipient_prefix.size());
  else if (!types_.knows(recipient))
    return;
  if (recipient.empty()) return;
  body_ = Body::kCall;
  arguments_ = {};
  events_.begin(std::string(recipient), "");
}

bool ReplyReader::body(std::string_view& rest) {
  std::vector<std::string> ends = format_.channels.ends;
  ends.insert(ends.end(), {format_.channels.begins[0], format_.channels.channel});
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
      arguments_.feed(piece);
      events_.text(ReplyKind::kArguments, piece);
      break;
  }
  rest.remove_prefix(found.at);
  if (found.match != Match::kWhole && !over_) return false;
  if (body_ == Body::kCall) events_.end(found.match == Match::kWhole || arguments_.done());
  if (found.match != Match::kWhole) {
    state_ = State::kText;
    return false;
  }
  // The end of a message is its own; the beginning of the next one is not.
  if (found.which < format_.channels.ends.size()) rest.remove_prefix(ends[found.which].size());
  if (body_ != Body::kContent) after_structure();
  state_ = State::kHeader;
  return true;
}

}  // namespace gantry::chat
