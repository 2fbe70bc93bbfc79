// Template source to tokens, as Jinja's lexer cuts it: data, tags, whitespace control, raw, comments.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "jinja/chat_template.h"
#include "jinja/value.h"

namespace gantry::jinja {

enum class TokenKind : uint8_t {
  kData,
  kVariableBegin,
  kVariableEnd,
  kBlockBegin,
  kBlockEnd,
  kName,
  kString,
  kInteger,
  kFloat,
  kOperator,  // text says which
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  uint32_t line = 1;
  std::string text;  // data, name, operator, decoded string
  Value number;      // kInteger, kFloat
};

// Throws TemplateError (kType with the line; kLimit for integers beyond 128 bits). Ends with one kEnd token.
std::vector<Token> tokenize(std::string_view source, const TemplateOptions& options);

[[noreturn]] void fail_syntax(std::string message, uint32_t line);

// As messages name a token: 'end of print statement', a name, an operator.
std::string describe_token(const Token& token);

}  // namespace gantry::jinja
