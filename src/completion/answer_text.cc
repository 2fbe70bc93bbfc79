#include "completion/answer_text.h"

#include <algorithm>
#include <utility>

#include "text/utf8.h"

namespace gantry::completion {
namespace {

// Encoding may put a space before a text's first word, which decoding takes away. After a prompt with text
// the answer's first word is not that one: its space is the text's own.
bool begins_text(const tokenizer::Tokenizer& tokenizer, std::span<const TokenId> prompt) {
  return std::ranges::all_of(
      prompt, [&](TokenId token) { return tokenizer.kind(token) == tokenizer::TokenKind::kControl; });
}

}  // namespace

AnswerText::AnswerText(const tokenizer::Tokenizer& tokenizer, std::span<const TokenId> prompt,
                       const std::vector<std::string>& stops, const std::vector<std::string>& markers)
    : tokenizer_(tokenizer),
      markers_(markers),
      vocabulary_(tokenizer.size()),
      decoder_(tokenizer, false, begins_text(tokenizer, prompt)),
      matcher_(stops) {}

void AnswerText::push(TokenId token, std::optional<TokenReport> report, Delta& delta) {
  if (stopped()) return;
  // A model may have more logits than its vocabulary has words; those have no text.
  const bool known = token >= 0 && static_cast<uint32_t>(token) < vocabulary_;
  std::string text;
  if (known && shows(token))
    text = decoder_.finish() + tokenizer_.token_bytes(token, true);
  else if (known)
    text = decoder_.push(token);
  if (report) {
    report->offset = decoded_characters_;
    reports_.push_back({decoded_bytes_, decoded_bytes_ + text.size(), std::move(*report)});
  }
  decoded_bytes_ += text.size();
  decoded_characters_ += text::characters(text);
  delta.text += matcher_.push(text);
  release(stopped(), delta);
}

bool AnswerText::shows(TokenId token) const {
  if (markers_.empty() || tokenizer_.kind(token) != tokenizer::TokenKind::kControl) return false;
  const std::string_view text = tokenizer_.text(token);
  return !text.empty() && std::ranges::any_of(markers_, [&](const std::string& marker) {
    return marker.find(text) != std::string::npos;
  });
}

void AnswerText::finish(Delta& delta) {
  if (!stopped()) {
    delta.text += matcher_.push(decoder_.finish());
    delta.text += matcher_.finish();
  }
  release(true, delta);
}

void AnswerText::release(bool over, Delta& delta) {
  const uint64_t shown = matcher_.shown_bytes();
  while (!reports_.empty()) {
    PendingReport& first = reports_.front();
    // A token of which the reader sees nothing, because the stop string swallowed it, is not reported.
    const bool swallowed = stopped() && first.begin >= shown;
    if (!over && first.end > shown) return;
    if (!swallowed) delta.tokens.push_back(std::move(first.report));
    reports_.pop_front();
  }
}

}  // namespace gantry::completion
