#include "completion/answer_text.h"

#include <algorithm>
#include <utility>

#include "base/random_id.h"
#include "text/utf8.h"

namespace gantry::completion {
namespace {

using reply::ReplyKind;

// Encoding may put a space before a text's first word, which decoding takes away. After a prompt with text
// the answer's first word is not that one: its space is the text's own.
bool begins_text(const tokenizer::Tokenizer& tokenizer, std::span<const TokenId> prompt) {
  return std::ranges::all_of(
      prompt, [&](TokenId token) { return tokenizer.kind(token) == tokenizer::TokenKind::kControl; });
}

// Clients know ids as "call_" and more; what a family's templates want instead is in it.
std::string call_id(reply::CallIds kind, const std::string& written) {
  constexpr std::string_view kCall = "call_";
  switch (kind) {
    case reply::CallIds::kWritten:
      if (!written.empty()) return written;
      break;
    case reply::CallIds::kNine:
      return reply::is_nine(written) ? std::string(kCall) + written : random_id(kCall, reply::kNineLetters);
    case reply::CallIds::kRandom:
      break;
  }
  return random_id(kCall);
}

void add_arguments(reply::ReplyEvent event, Delta& delta) {
  if (delta.calls.empty() || delta.calls.back().index != event.call)
    delta.calls.push_back({.index = event.call, .begins = false, .id = {}, .name = {}, .arguments = {}});
  delta.calls.back().arguments += event.text;
}

}  // namespace

AnswerText::AnswerText(const tokenizer::Tokenizer& tokenizer, std::span<const TokenId> prompt,
                       std::shared_ptr<const StopStrings> stops, const std::optional<ReadReply>& reply)
    : tokenizer_(tokenizer),
      vocabulary_(tokenizer.size()),
      parallel_calls_(!reply || reply->parallel_calls),
      decoder_(tokenizer, false, begins_text(tokenizer, prompt)),
      matcher_(std::move(stops)) {
  if (!reply) return;
  call_ids_ = reply->format->ids;
  markers_ = reply::reply_markers(*reply->format, reply->options.tools);
  reader_.emplace(*reply->format, reply->options);
}

void AnswerText::push(TokenId token, std::optional<TokenReport> report, Delta& delta) {
  if (over()) return;
  // A model may have more logits than its vocabulary has words; those have no text.
  const bool known = token >= 0 && static_cast<uint32_t>(token) < vocabulary_;
  std::string text;
  if (known && is_text(token))
    text = decoder_.finish() + tokenizer_.token_bytes(token, true);
  else if (known)
    text = decoder_.push(token);
  if (report) {
    report->offset = decoded_characters_;
    reports_.push_back({.begin = decoded_bytes_,
                        .end = decoded_bytes_ + text.size(),
                        .visible_begin = {},
                        .report = std::move(*report)});
  }
  read(text, delta);
  release(over(), delta);
}

bool AnswerText::is_text(TokenId token) const {
  if (markers_.empty() || tokenizer_.kind(token) != tokenizer::TokenKind::kControl) return false;
  const std::string_view text = tokenizer_.text(token);
  return !text.empty() && std::ranges::any_of(markers_, [&](const std::string& marker) {
    return marker.find(text) != std::string::npos;
  });
}

void AnswerText::finish(bool complete, Delta& delta) {
  if (!over()) read(decoder_.finish(), delta);
  if (!over() && reader_) hear(reader_->finish(complete), delta);
  if (!stopped()) delta.text += matcher_.finish();
  release(true, delta);
}

void AnswerText::read(std::string_view text, Delta& delta) {
  decoded_bytes_ += text.size();
  decoded_characters_ += text::characters(text);
  if (!reports_.empty()) unplaced_ += text;
  if (!reader_) return show(text, delta);
  place("", false);  // tokens without text, behind text that is placed
  hear(reader_->push(text), delta);
}

void AnswerText::hear(std::vector<reply::ReplyEvent> events, Delta& delta) {
  for (reply::ReplyEvent& event : events) {
    if (over()) return;
    hear(std::move(event), delta);
  }
}

void AnswerText::hear(reply::ReplyEvent event, Delta& delta) {
  if (event.kind == ReplyKind::kContent) return show(event.text, delta);
  // No stop string reaches from one stretch of the visible answer to the next.
  delta.text += matcher_.finish();
  switch (event.kind) {
    case ReplyKind::kContent:
      break;
    case ReplyKind::kReasoning:
      place(event.text, false);
      delta.reasoning += event.text;
      break;
    case ReplyKind::kCallBegin:
      if (calls_ > 0 && !parallel_calls_) {
        one_call_too_many_ = true;
        return;
      }
      ++calls_;
      delta.calls.push_back({.index = event.call,
                             .begins = true,
                             .id = call_id(call_ids_, event.id),
                             .name = std::move(event.text),
                             .arguments = {}});
      place({}, false);
      break;
    case ReplyKind::kArguments:
      add_arguments(std::move(event), delta);
      place({}, false);
      break;
    case ReplyKind::kCallEnd:
      last_call_whole_ = event.whole;
      place({}, false);
      break;
  }
}

void AnswerText::show(std::string_view text, Delta& delta) {
  place(text, true);
  delta.text += matcher_.push(text);
}

// Says of the decoded text what became of it: `text` is the next piece of the answer in it (absent: all of it
// became a call), what stands before is markers.
void AnswerText::place(std::optional<std::string_view> text, bool visible) {
  const uint64_t shown = visible && text ? text->size() : 0;
  if (!reports_.empty()) {
    const uint64_t base = decoded_bytes_ - unplaced_.size();
    const size_t found = text ? unplaced_.find(*text) : std::string::npos;
    const uint64_t begin = base + std::min(found, unplaced_.size());
    const uint64_t end = found == std::string::npos ? decoded_bytes_ : begin + text->size();
    for (PendingReport& one : reports_) {
      if (one.known) continue;
      if (one.begin > end || (one.begin == end && one.end > end)) break;
      const auto visible_at = [&](uint64_t at) {
        return visible_bytes_ + std::min(shown, at > begin ? at - begin : 0);
      };
      if (!one.visible_begin) one.visible_begin = visible_at(one.begin);
      one.visible_end = visible_at(one.end);
      one.known = one.end <= end;
    }
    unplaced_.erase(0, end - base);
  }
  visible_bytes_ += shown;
}

void AnswerText::release(bool over, Delta& delta) {
  const uint64_t shown = matcher_.shown_bytes();
  while (!reports_.empty()) {
    PendingReport& first = reports_.front();
    if (!over && !(first.known && first.visible_end <= shown)) return;
    // A token of which the reader sees nothing, because the stop string swallowed it, is not reported.
    const bool hidden =
        !first.visible_begin || (first.visible_end > *first.visible_begin && *first.visible_begin >= shown);
    if (!(stopped() && hidden)) delta.tokens.push_back(std::move(first.report));
    reports_.pop_front();
  }
  if (reports_.empty()) unplaced_.clear();
}

}  // namespace gantry::completion
