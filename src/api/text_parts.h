// A text in parts, so that a long one need not be there as a whole in every form that it takes on its way.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "tokenizer/tokenizer.h"

namespace gantry::api {

inline constexpr size_t kTextPartBytes = size_t{8} << 10;  // of JSON's characters, which may be sixfold

// What it reads outlives it.
class TextParts {
 public:
  explicit TextParts(std::string_view text) : text_(text) {}
  // As Tokenizer::decode gives it.
  TextParts(const tokenizer::Tokenizer& tokenizer, std::span<const TokenId> tokens, bool special)
      : tokens_(tokens), decoder_(std::in_place, tokenizer, special) {}

  // The next part, whole UTF-8 as far as the text is; empty at the end.
  std::string next();

 private:
  std::string_view text_;
  std::span<const TokenId> tokens_;
  std::optional<tokenizer::StreamDecoder> decoder_;
};

}  // namespace gantry::api
