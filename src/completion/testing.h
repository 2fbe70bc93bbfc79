// Vocabularies whose control tokens are a template's or a family's markers, for tests.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tokenizer/reserved.h"
#include "tokenizer/testing.h"

namespace gantry::completion::testing {

inline bool is_reserved(const tokenizer::Tokenizer& tokenizer, TokenId token) {
  return tokenizer::is_reserved(tokenizer.kind(token), tokenizer.text(token));
}

inline std::vector<TokenId> reserved_of(const tokenizer::Tokenizer& tokenizer,
                                        const std::vector<TokenId>& tokens) {
  std::vector<TokenId> found;
  for (const TokenId token : tokens) {
    // A character that the vocabulary cannot spell is unknown, whoever wrote it.
    if (is_reserved(tokenizer, token) && token != tokenizer.special().unk) found.push_back(token);
  }
  return found;
}

// The markers in a text: words between brackets.
inline std::set<std::string> markers_of(const std::string& text) {
  std::set<std::string> found;
  constexpr size_t kBytesMax = 48;
  for (size_t at = 0; at < text.size(); ++at) {
    const char open = text[at];
    if (open != '<' && open != '[') continue;
    const size_t end = text.find(open == '<' ? '>' : ']', at);
    if (end == text.npos || end - at > kBytesMax) continue;
    const std::string word = text.substr(at, end + 1 - at);
    if (word.find_first_of("'\"{}()+=,;: ") == word.npos && tokenizer::is_bracketed_word(word))
      found.insert(word);
  }
  return found;
}

// A vocabulary of bytes, and the given markers: every second one user-defined.
inline std::unique_ptr<tokenizer::Tokenizer> tokenizer_of(const std::set<std::string>& markers) {
  tokenizer::testing::VocabBuilder builder("gpt2", "gpt-2");
  builder.add_byte_letters()
      .add("<s>", tokenizer::TokenKind::kControl)
      .add("</s>", tokenizer::TokenKind::kControl);
  builder.data().special.bos = 256;
  builder.data().special.eos = 257;
  size_t number = 0;
  for (const std::string& marker : markers) {
    const bool defined =
        ++number % 2 == 0 && tokenizer::is_reserved(tokenizer::TokenKind::kUserDefined, marker);
    builder.add(marker, defined ? tokenizer::TokenKind::kUserDefined : tokenizer::TokenKind::kControl);
  }
  return builder.build();
}

}  // namespace gantry::completion::testing
