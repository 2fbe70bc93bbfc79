// From tokens to what a reader sees: decodes into whole UTF-8, ends before the first stop string, and keeps
// each token's report until the text that it came from is shown. One per completion, one thread at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "completion/completion.h"
#include "completion/stop_matcher.h"
#include "tokenizer/tokenizer.h"

namespace gantry::completion {

class AnswerText {
 public:
  // The prompt (of tokens of the vocabulary) decides whether the answer's leading space is text. The
  // tokenizer outlives this. Control tokens are not text, unless they are one of `markers` or a part of one.
  AnswerText(const tokenizer::Tokenizer& tokenizer, std::span<const TokenId> prompt,
             const std::vector<std::string>& stops, const std::vector<std::string>& markers = {});

  // Adds to `delta` what became certain with this token.
  void push(TokenId token, std::optional<TokenReport> report, Delta& delta);
  // The answer is over: adds what was kept back.
  void finish(Delta& delta);
  // A stop string was found: the answer is over.
  bool stopped() const { return matcher_.found(); }
  const std::string& stop_string() const { return matcher_.found_text(); }  // empty before

 private:
  struct PendingReport {
    uint64_t begin, end;  // the decoded bytes between which the token came
    TokenReport report;
  };
  void release(bool over, Delta& delta);

  bool shows(TokenId token) const;

  const tokenizer::Tokenizer& tokenizer_;
  const std::vector<std::string> markers_;
  const uint32_t vocabulary_;
  tokenizer::StreamDecoder decoder_;
  StopMatcher matcher_;
  uint64_t decoded_bytes_ = 0, decoded_characters_ = 0;
  std::deque<PendingReport> reports_;
};

}  // namespace gantry::completion
