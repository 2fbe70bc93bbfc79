// What all models share: the vocabulary, special tokens cut out of the text before anything else, BOS and
// EOS, decoding. A model adds how plain text becomes tokens and how a token is spelled. Immutable; any
// thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/tokenizer.h"
#include "tokenizer/vocab.h"

namespace gantry::tokenizer {

// The tokens of one text on their way out.
struct Encoding {
  const TakeTokens& take;
  uint64_t& steps;  // what the work grew with: characters looked at, pairs tried, merges made
  std::vector<TokenId> out = {};
  bool wanted = true;

  // To be called between two pieces of a text, as often as one likes. The last token stays: what follows may
  // depend on it. False: no more are wanted.
  bool pass_on() {
    constexpr size_t kTokens = 16384;
    if (out.size() > kTokens && wanted) {
      wanted = take(std::span(out).first(out.size() - 1));
      out.front() = out.back();
      out.resize(1);
    }
    return wanted;
  }
  void pass_all_on() {
    if (wanted && !out.empty()) wanted = take(out);
  }
};

class BaseTokenizer : public Tokenizer {
 public:
  explicit BaseTokenizer(const VocabData& data);

  void encode_to(std::string_view text, const EncodeOptions& options, const TakeTokens& take) const final;
  // Adds to `steps` what the work grew with: characters looked at, pairs tried, merges made.
  std::vector<TokenId> encode_counted(std::string_view text, const EncodeOptions& options,
                                      uint64_t& steps) const;
  std::string token_bytes(TokenId token, bool special = false) const final;
  std::string decode(std::span<const TokenId> tokens, bool special = false) const final;

  uint32_t size() const final { return vocab_.size(); }
  std::string_view text(TokenId token) const final;  // "" for an id outside the vocabulary
  TokenKind kind(TokenId token) const final;         // kUnknown for an id outside the vocabulary
  std::optional<TokenId> find(std::string_view text) const final;
  const SpecialTokens& special() const final { return vocab_.special(); }
  std::string_view model() const final { return model_; }
  std::string_view pre_split() const final { return pre_; }
  LeadingSpace leading_space() const override { return LeadingSpace::kOwn; }

 protected:
  // Tokens of a text without markers, not empty. `first`: it begins the text or follows a marker.
  virtual void encode_plain(std::string_view text, bool first, Encoding& to) const = 0;
  // The bytes of a normal or unused token.
  virtual std::string spell(TokenId token) const = 0;
  // What a reader sees for the unknown token.
  virtual std::string_view unknown_text() const { return {}; }
  // What add_special puts around the text.
  virtual TokenId opening_token() const;
  virtual TokenId closing_token() const;

  const Vocab& vocab() const { return vocab_; }
  // Of this tokenizer alone, as long as the process lives: under which PieceCache knows it.
  uint32_t number() const { return number_; }

 private:
  struct Marker {
    size_t first, end;  // where in the text
    TokenId token;
  };
  class Own;
  bool may_mark(TokenId token, bool control) const;
  bool begins_reserved(std::string_view text, bool control, uint64_t& steps) const;
  bool takes_reserved(std::string_view text, Range part, bool control, Own own, uint64_t& steps) const;
  std::optional<Marker> next_marker(std::string_view text, size_t from, bool control, Own& own,
                                    uint64_t& steps) const;
  void encode_all(std::string_view text, const EncodeOptions& options, Encoding& to) const;
  void encode_between(std::string_view text, bool first, Encoding& to) const;

  using FirstBytes = std::array<bool, 256>;
  Vocab vocab_;
  uint32_t number_;
  // What markers begin with: the user-defined ones, all.
  FirstBytes user_begins_{}, marker_begins_{};
  std::string model_;
  std::string pre_;
};

}  // namespace gantry::tokenizer
