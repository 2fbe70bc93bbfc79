// The model "llama": SentencePiece's byte-pair encoding. Neighbouring characters are joined while the joined
// text is a piece, the highest score first; what is no piece is spelled in byte tokens, or is unknown.
// Merging goes through unused pieces, but none comes out: it becomes what was joined to make it.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tokenizer/base_tokenizer.h"
#include "tokenizer/joints.h"
#include "tokenizer/merges.h"

namespace gantry::tokenizer {

class SpmTokenizer final : public BaseTokenizer {
 public:
  explicit SpmTokenizer(const VocabData& data);
  LeadingSpace leading_space() const override {
    return add_space_prefix_ ? LeadingSpace::kPutInFront : LeadingSpace::kOwn;
  }

 protected:
  void encode_plain(std::string_view text, bool first, Encoding& to) const override;
  std::string spell(TokenId token) const override;
  std::string_view unknown_text() const override { return " \xE2\x81\x87 "; }  // U+2047, as SentencePiece

 private:
  // Where each unused piece was joined last, in bytes from its beginning.
  using Splits = std::unordered_map<std::string_view, size_t>;
  // What one call of encode works with.
  struct Work {
    Encoding& to;
    bool after_unknown = false;
    Merger merger = {};
    Splits splits = {};
  };
  bool is_made_unused(TokenId token) const;
  void encode_piece(std::string_view piece, Work& work) const;
  void push_unused(std::string_view piece, Work& work) const;
  void push(std::string_view piece, TokenId token, Work& work) const;

  bool add_space_prefix_;
  bool makes_unused_ = false;  // merging can make an unused piece
  Joints joints_;
};

// U+2581 for the space, and back.
void append_marked(std::string& out, std::string_view text);
std::string mark_spaces(std::string_view text);
std::string unmark_spaces(std::string_view text);

}  // namespace gantry::tokenizer
