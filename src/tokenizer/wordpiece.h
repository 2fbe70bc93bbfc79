// The model "bert": WordPiece. The text is cleaned and cut at white space, punctuation and ideographs; each
// word is spelled by the longest pieces from the left, or is unknown as a whole. GGUF stores the pieces that
// begin a word with U+2581 before them, the others bare.
#pragma once

#include <string>
#include <vector>

#include "tokenizer/base_tokenizer.h"

namespace gantry::tokenizer {

class WordPieceTokenizer final : public BaseTokenizer {
 public:
  explicit WordPieceTokenizer(const VocabData& data);
  LeadingSpace leading_space() const override { return LeadingSpace::kPutInFront; }

 protected:
  void encode_plain(std::string_view text, bool first, Encoding& to) const override;
  std::string spell(TokenId token) const override;
  TokenId closing_token() const override { return add_sep_ ? special().sep : BaseTokenizer::closing_token(); }

 private:
  // The word has U+2581 before it.
  void encode_word(std::string_view word, std::vector<TokenId>& out, uint64_t& steps) const;

  Trie pieces_;
  bool add_sep_;
  bool lowercase_;
  bool strip_accents_;
};

}  // namespace gantry::tokenizer
