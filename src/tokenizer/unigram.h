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
  void encode_plain(std::string_view text, bool first, std::vector<TokenId>& out,
                    uint64_t& steps) const override;
  std::string spell(TokenId token) const override;
  std::string_view unknown_text() const override { return " \xE2\x81\x87 "; }

 private:
  // The best way to cut the text up to some place: its score and its last piece.
  struct Best {
    float score = 0;
    uint32_t start = kUnreached;
    TokenId token = kNoToken;  // kNoToken: an unknown character
  };
  static constexpr uint32_t kUnreached = 0xFFFFFFFF;

  std::vector<Best> best_paths(std::string_view text, uint64_t& steps) const;
  void push_unknown(std::string_view character, std::vector<TokenId>& reversed) const;

  Charsmap charsmap_;
  Trie pieces_;
  float unknown_score_;
  bool add_space_prefix_;
  bool space_as_suffix_;
  bool remove_extra_whitespaces_;
};

}  // namespace gantry::tokenizer
