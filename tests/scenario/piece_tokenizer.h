// A vocabulary of pieces, for models that have none of their own: control tokens, ASCII, halves of UTF-8
// sequences, then what a test wants answers to be made of. A model that knows nothing says them in any order.
#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tokenizer/tokenizer.h"

namespace gantry::testing {

class PieceTokenizer final : public tokenizer::Tokenizer {
 public:
  // At most `most` tokens; those of `pieces` that find no room are left out. Every second one of `markers` is
  // a control token.
  PieceTokenizer(uint32_t most, const std::vector<std::string>& markers,
                 const std::vector<std::string>& pieces) {
    for (const char* text : {"<s>", "</s>", "<|turn|>", "<|end|>"})
      add(text, tokenizer::TokenKind::kControl, most);
    add("\n", tokenizer::TokenKind::kNormal, most);
    for (char c = ' '; c <= '~'; ++c) add(std::string(1, c), tokenizer::TokenKind::kNormal, most);
    for (const char* half : {"\xC3", "\xA9", "\xE2\x82", "\xAC", "\xF0\x9F", "\x98\x80", "\xFF"})
      add(half, tokenizer::TokenKind::kNormal, most);
    for (size_t i = 0; i < markers.size(); ++i)
      add(markers[i], i % 2 == 0 ? tokenizer::TokenKind::kControl : tokenizer::TokenKind::kNormal, most);
    for (const std::string& piece : pieces) add(piece, tokenizer::TokenKind::kNormal, most);
    special_.bos = 0;
    special_.eos = 1;
    special_.end_of_generation = {1, 3};
  }

  // The longest piece that fits, again and again. What no piece spells is left out.
  void encode_to(std::string_view text, const tokenizer::EncodeOptions& options,
                 const tokenizer::TakeTokens& take) const override {
    std::vector<TokenId> out;
    while (!text.empty()) {
      size_t longest = 0;
      TokenId best = kNoToken;
      for (size_t i = 0; i < texts_.size(); ++i) {
        const bool may = kinds_[i] != tokenizer::TokenKind::kControl || options.parse_special;
        if (!may || texts_[i].size() <= longest || !text.starts_with(texts_[i])) continue;
        longest = texts_[i].size();
        best = static_cast<TokenId>(i);
      }
      if (best != kNoToken) out.push_back(best);
      text.remove_prefix(std::max<size_t>(longest, 1));
    }
    take(out);
  }
  std::string token_bytes(TokenId token, bool special) const override {
    return kind(token) == tokenizer::TokenKind::kControl && !special ? std::string()
                                                                     : std::string(text(token));
  }
  std::string decode(std::span<const TokenId> tokens, bool special) const override {
    tokenizer::StreamDecoder decoder(*this, special);
    std::string out;
    for (const TokenId token : tokens) out += decoder.push(token);
    return out + decoder.finish();
  }
  uint32_t size() const override { return static_cast<uint32_t>(texts_.size()); }
  std::string_view text(TokenId token) const override { return texts_.at(static_cast<size_t>(token)); }
  tokenizer::TokenKind kind(TokenId token) const override { return kinds_.at(static_cast<size_t>(token)); }
  std::optional<TokenId> find(std::string_view text) const override {
    for (size_t i = 0; i < texts_.size(); ++i)
      if (texts_[i] == text) return static_cast<TokenId>(i);
    return std::nullopt;
  }
  const tokenizer::SpecialTokens& special() const override { return special_; }
  std::string_view model() const override { return "pieces"; }
  std::string_view pre_split() const override { return ""; }
  tokenizer::LeadingSpace leading_space() const override { return tokenizer::LeadingSpace::kOwn; }

 private:
  void add(std::string text, tokenizer::TokenKind kind, uint32_t most) {
    if (texts_.size() >= most || find(text)) return;
    texts_.push_back(std::move(text));
    kinds_.push_back(kind);
  }

  std::vector<std::string> texts_;
  std::vector<tokenizer::TokenKind> kinds_;
  tokenizer::SpecialTokens special_;
};

}  // namespace gantry::testing
