// The entries of one vocabulary and what is known of each. Built from VocabData, whose views need not outlive
// the building; then constant, any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/tokenizer.h"
#include "tokenizer/trie.h"

namespace gantry::tokenizer {

// Pieces of SentencePiece vocabularies write the space so.
inline constexpr std::string_view kSpaceMark = "\xE2\x96\x81";  // U+2581

// What a file says, with the defaults of its model filled in and every id checked (vocab_load.h).
struct VocabData {
  std::string where;  // the file's name, for errors
  std::string model;  // "llama", "gpt2", ...
  std::string pre;    // a name of the pre-split table; empty where the model has none
  std::vector<std::string_view> tokens;
  std::vector<float> scores;     // empty: all 0
  std::vector<TokenKind> kinds;  // empty: all normal
  std::vector<std::string_view> merges;
  std::string_view charsmap;  // t5: the precompiled normalization
  bool sums_by_word = false;  // t5: scores add up in each word alone, in double
  SpecialTokens special;
  bool add_sep = false;
  bool add_space_prefix = false;
  bool remove_extra_whitespaces = false;
  bool escape_whitespaces = true;
  bool treat_whitespace_as_suffix = false;
  bool lowercase = true;               // bert
  bool strip_accents = true;           // bert
  std::vector<TokenId> swallow_left;   // special tokens that take the white space before them
  std::vector<TokenId> swallow_right;  // ... after them
};

class Vocab {
 public:
  explicit Vocab(const VocabData& data);

  uint32_t size() const { return static_cast<uint32_t>(kinds_.size()); }
  bool contains(TokenId token) const { return token >= 0 && static_cast<uint32_t>(token) < size(); }
  // The next three: contains(token).
  std::string_view text(TokenId token) const;
  TokenKind kind(TokenId token) const { return kinds_[static_cast<size_t>(token)]; }
  float score(TokenId token) const { return scores_.empty() ? 0.0f : scores_[static_cast<size_t>(token)]; }
  // kNoToken where there is none; of equal entries the first.
  TokenId find(std::string_view text) const;
  // As find(), but never a reserved or byte token: what text may become.
  TokenId find_plain(std::string_view text) const;
  bool is_plain(TokenId token) const;  // contains(token): text without markers may become it
  bool is_reserved(TokenId token) const { return reserved_[static_cast<size_t>(token)]; }  // contains(token)
  uint32_t longest_token_bytes() const { return longest_; }
  // The token for a byte, written <0xNN>; kNoToken where the vocabulary has none.
  TokenId byte_token(uint8_t byte) const { return byte_tokens_[byte]; }
  int byte_of(TokenId token) const;  // -1: no byte token

  const SpecialTokens& special() const { return special_; }
  const Trie& markers() const { return markers_; }  // the control, user-defined and unknown tokens
  bool swallows_left(TokenId token) const;
  bool swallows_right(TokenId token) const;

 private:
  void index_texts();
  size_t slot_of(std::string_view text, uint64_t hash) const;

  std::string texts_;              // all texts, one after the other
  std::vector<uint32_t> offsets_;  // size() + 1
  std::vector<TokenKind> kinds_;
  std::vector<bool> reserved_;
  std::vector<float> scores_;
  // Open addressing by hash of text; a power of two, at most half full. Part of the hash is kept beside the
  // token, so that other texts are seldom looked at.
  struct Slot {
    TokenId token = kNoToken;
    uint32_t hash = 0;
  };
  std::vector<Slot> slots_;
  std::array<TokenId, 256> byte_tokens_;
  uint32_t longest_ = 0;
  SpecialTokens special_;
  Trie markers_;
  std::vector<TokenId> swallow_left_, swallow_right_;  // sorted
};

}  // namespace gantry::tokenizer
