// The model "gpt2": byte-pair encoding by ranks of merges, within the pieces of a pre-split. Byte-level, or
// (gemma4) over plain UTF-8 with U+2581 for the space and byte tokens for what the vocabulary cannot spell,
// or (whitespace) over plain UTF-8 without white space.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "tokenizer/base_tokenizer.h"
#include "tokenizer/joints.h"
#include "tokenizer/merges.h"
#include "tokenizer/piece_cache.h"
#include "tokenizer/pre_split.h"

namespace gantry::tokenizer {

// Pairs of tokens to what joining them gives. Open addressing, built once.
class PairTable {
 public:
  void reserve(size_t pairs);  // before the first insert()
  // The first of equal pairs counts.
  void insert(TokenId left, TokenId right, Merge merge);
  Merge find(TokenId left, TokenId right) const;  // its token is kNoToken where there is none

 private:
  struct Slot {
    uint64_t key;
    Merge merge;
  };
  size_t home(uint64_t key) const;
  std::vector<Slot> slots_;
  int shift_ = 64;
};

class BpeTokenizer final : public BaseTokenizer {
 public:
  // Error kBadFile where a merge names a piece that is no token; kUnsupported for an unknown pre-split.
  explicit BpeTokenizer(const VocabData& data);

 protected:
  void encode_plain(std::string_view text, bool first, Encoding& to) const override;
  std::string spell(TokenId token) const override;

 private:
  // What one call of encode works with.
  struct Work {
    Encoding& to;
    const char* text_end;
    PieceCache& cache;
    Merger merger = {};
  };
  void load_merges(const VocabData& data);
  void find_joints();
  void encode_piece(std::string_view piece, Work& work) const;
  void encode_islands(std::string_view piece, Work& work) const;
  void merge(std::string_view island, Work& work) const;
  std::string prepare(std::string_view text) const;
  TokenId whole_token(std::string_view piece) const;
  void spell_unknown(std::string_view character, std::vector<TokenId>& out) const;

  const PreSplit& split_;
  bool lowercase_;
  PairTable pairs_;
  Joints joints_;
  std::array<TokenId, 256> byte_letters_;  // byte-level: the token of each single byte
};

}  // namespace gantry::tokenizer
