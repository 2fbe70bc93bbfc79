// The model "t5": SentencePiece's unigram language model. The text is normalized, then cut into the pieces
// whose scores sum to the most (Viterbi).
#pragma once

#include <string>
#include <vector>

#include "tokenizer/base_tokenizer.h"
#include "tokenizer/charsmap.h"

namespace gantry::tokenizer {

class UnigramTokenizer final : public BaseTokenizer {
 public:
  explicit UnigramTokenizer(const VocabData& data);
  LeadingSpace leading_space() const override;
  // The text as the pieces see it: replaced by the charsmap, spaces as U+2581.
  std::string normalize(std::string_view text) const;

 protected:
  void encode_plain(std::string_view text, bool first, Encoding& to) const override;
  std::string spell(TokenId token) const override;
  std::string_view unknown_text() const override { return " \xE2\x81\x87 "; }

 private:
  class Cutter;

  size_t word_bytes(std::string_view text) const;
  bool may_be_known(std::string_view word) const;

  Charsmap charsmap_;
  Trie pieces_;
  float unknown_score_;
  float largest_score_ = 0;   // of all, without the sign
  size_t longest_piece_ = 0;  // bytes
  bool words_apart_ = true;   // no piece reaches from a word into the next
  bool add_space_prefix_;
  bool space_as_suffix_;
  bool remove_extra_whitespaces_;
  bool sums_by_word_;
};

}  // namespace gantry::tokenizer
