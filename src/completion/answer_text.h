// From tokens to what a reader sees: decodes into whole UTF-8, in a chat tells reasoning and calls from the
// visible answer, ends before the first stop string in that, and keeps each token's report until the text
// that it came from is shown. One per completion, one thread at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "completion/completion.h"
#include "completion/stop_matcher.h"
#include "reply/reply_reader.h"
#include "tokenizer/tokenizer.h"

namespace gantry::completion {

// How the answer to a chat is read.
struct ReadReply {
  const reply::ReplyFormat* format = nullptr;  // outlives the answer
  reply::ReplyOptions options = {};
  bool parallel_calls = true;  // false: the answer ends before a second call
};

class AnswerText {
 public:
  // The prompt (of tokens of the vocabulary) decides whether the answer's leading space is text. The
  // tokenizer outlives this. Control tokens are not text, unless they are one of the format's markers or a
  // part of one. Without `reply` all text is the visible answer.
  AnswerText(const tokenizer::Tokenizer& tokenizer, std::span<const TokenId> prompt,
             std::shared_ptr<const StopStrings> stops, const std::optional<ReadReply>& reply = {});

  // Adds to `delta` what became certain with this token. Nothing once over().
  void push(TokenId token, std::optional<TokenReport> report, Delta& delta);
  // The answer is over: adds what was kept back. `complete`: the model ended it.
  void finish(bool complete, Delta& delta);

  // A stop string was found, or a call begins that was not wanted.
  bool over() const { return stopped() || one_call_too_many_; }
  bool stopped() const { return matcher_.found(); }
  const std::string& stop_string() const { return matcher_.found_text(); }  // empty before
  // What the model stopped behind are calls. A stop string behind half a call stopped the text, not the
  // model.
  bool ends_with_calls() const { return calls_ > 0 && !(stopped() && !last_call_whole_); }

 private:
  struct PendingReport {
    uint64_t begin, end;  // the decoded bytes between which the token came
    // Bytes of the visible answer between which they came, of those of which that is known.
    std::optional<uint64_t> visible_begin;
    uint64_t visible_end = 0;
    bool known = false;  // of all of them
    TokenReport report;
  };

  void read(std::string_view text, Delta& delta);
  void hear(std::vector<reply::ReplyEvent> events, Delta& delta);
  void hear(reply::ReplyEvent event, Delta& delta);
  void show(std::string_view text, Delta& delta);
  void place(std::optional<std::string_view> text, bool visible);
  void release(bool over, Delta& delta);
  bool is_text(TokenId token) const;

  const tokenizer::Tokenizer& tokenizer_;
  const uint32_t vocabulary_;
  const bool parallel_calls_;
  reply::CallIds call_ids_ = reply::CallIds::kRandom;
  std::vector<std::string> markers_;
  tokenizer::StreamDecoder decoder_;
  std::optional<reply::ReplyReader> reader_;
  StopMatcher matcher_;
  uint32_t calls_ = 0;
  bool last_call_whole_ = false;
  bool one_call_too_many_ = false;

  uint64_t decoded_bytes_ = 0, decoded_characters_ = 0;
  uint64_t visible_bytes_ = 0;  // what the matcher was given
  // With reports: the decoded text of which it is not yet known what it is.
  std::string unplaced_;
  std::deque<PendingReport> reports_;
};

}  // namespace gantry::completion
