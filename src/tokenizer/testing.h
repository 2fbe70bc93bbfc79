// Small vocabularies in memory, for tests and fuzzing: the views of VocabData need somewhere to live.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "tokenizer/base_tokenizer.h"
#include "tokenizer/byte_alphabet.h"
#include "tokenizer/vocab_load.h"

namespace gantry::tokenizer::testing {

class VocabBuilder {
 public:
  explicit VocabBuilder(std::string_view model, std::string_view pre = {}) {
    data_.where = "test";
    data_.model = model;
    data_.pre = pre;
  }

  VocabBuilder& add(std::string_view text, TokenKind kind = TokenKind::kNormal, float score = 0) {
    data_.tokens.push_back(keep(text));
    data_.kinds.push_back(kind);
    data_.scores.push_back(score);
    return *this;
  }
  // <0x00> to <0xFF>.
  VocabBuilder& add_byte_tokens() {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    for (size_t byte = 0; byte < 256; ++byte) {
      add(std::string("<0x") + kHex[byte >> 4] + kHex[byte & 15] + ">", TokenKind::kByte);
    }
    return *this;
  }
  // The 256 letters of the byte alphabet.
  VocabBuilder& add_byte_letters() {
    for (int byte = 0; byte < 256; ++byte) {
      const char c = static_cast<char>(byte);
      add(to_byte_letters(std::string_view(&c, 1)));
    }
    return *this;
  }
  // A merge of two pieces given as bytes, and the token that it makes.
  VocabBuilder& add_merge(std::string_view left, std::string_view right) {
    const std::string a = to_byte_letters(left);
    const std::string b = to_byte_letters(right);
    if (!has(a + b)) add(a + b);
    data_.merges.push_back(keep(a + " " + b));
    return *this;
  }
  VocabData& data() { return data_; }
  std::unique_ptr<BaseTokenizer> build() {
    auto tokenizer = make_tokenizer(data_);
    return std::unique_ptr<BaseTokenizer>(static_cast<BaseTokenizer*>(tokenizer.release()));
  }

 private:
  std::string_view keep(std::string_view text) { return kept_.emplace_back(text); }
  bool has(std::string_view text) const {
    for (const std::string_view token : data_.tokens) {
      if (token == text) return true;
    }
    return false;
  }

  VocabData data_;
  std::deque<std::string> kept_;
};

}  // namespace gantry::tokenizer::testing
