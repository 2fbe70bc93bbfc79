#include "completion/answer_text.h"

#include <utility>

namespace gantry::completion {
namespace {

// Whether bytes neither begin nor end inside a UTF-8 sequence, as far as the first and last tell.
bool whole_sequences(std::string_view bytes) {
  if (bytes.empty()) return false;
  size_t at = bytes.size() - 1;
  size_t tail = 0;
  while (at > 0 && (static_cast<uint8_t>(bytes[at]) & 0xc0) == 0x80) --at, ++tail;
  const auto lead = static_cast<uint8_t>(bytes[at]);
  const size_t wanted = lead < 0x80 ? 0 : lead < 0xc0 ? SIZE_MAX : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
  return tail == wanted && (static_cast<uint8_t>(bytes[0]) & 0xc0) != 0x80;
}

// A decoder takes away the space that encoding put before the first word. After a prompt with text the answer
// is not the first word, so the decoder is told of one word of it. A prompt token that is a part of a
// character would leave that part in the answer; an earlier whole one serves as well.
constexpr size_t kPrimingTokensMax = 64;

void prime(tokenizer::StreamDecoder& decoder, const tokenizer::Tokenizer& tokenizer,
           std::span<const TokenId> prompt) {
  for (size_t back = 1; back <= std::min(prompt.size(), kPrimingTokensMax); ++back) {
    const TokenId token = prompt[prompt.size() - back];
    if (!whole_sequences(tokenizer.token_bytes(token))) continue;
    decoder.push(token);
    return;
  }
}

}  // namespace

AnswerText::AnswerText(const tokenizer::Tokenizer& tokenizer, std::span<const TokenId> prompt,
                       const std::vector<std::string>& stops)
    : decoder_(tokenizer), matcher_(stops) {
  prime(decoder_, tokenizer, prompt);
}

void AnswerText::push(TokenId token, std::optional<TokenReport> report, Delta& delta) {
  if (stopped()) return;
  const std::string text = decoder_.push(token);
  if (report) reports_.push_back({decoded_bytes_, decoded_bytes_ + text.size(), std::move(*report)});
  decoded_bytes_ += text.size();
  delta.text += matcher_.push(text);
  release(stopped(), delta);
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
