#include "jinja/lexer.h"

#include <algorithm>
#include <cstring>

#include "jinja/env.h"
#include "jinja/escape.h"
#include "jinja/format.h"
#include "jinja/unicode.h"
#include "jinja/utf8.h"

namespace gantry::jinja {
namespace {

bool ascii_digit(char c) { return c >= '0' && c <= '9'; }

std::string normalise_newlines(std::string_view source, bool keep_last) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      out += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    } else {
      out += source[i];
    }
  }
  if (!keep_last && !out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

class Lexer {
 public:
  Lexer(std::string_view source, const TemplateOptions& options)
      : options_(options), source_(normalise_newlines(source, options.keep_trailing_newline)) {}

  std::vector<Token> run() {
    while (at_ < source_.size()) root();
    push(TokenKind::kEnd, "");
    return std::move(tokens_);
  }

 private:
  void push(TokenKind kind, std::string text) {
    Token token;
    token.kind = kind;
    token.line = line_;
    token.text = std::move(text);
    tokens_.push_back(std::move(token));
  }

  void advance_to(size_t end) {
    line_ += static_cast<uint32_t>(std::count(source_.begin() + static_cast<ptrdiff_t>(at_),
                                              source_.begin() + static_cast<ptrdiff_t>(end), '\n'));
    line_starting_ = end > at_ && source_[end - 1] == '\n';
    at_ = end;
  }

  size_t skip_space(size_t at) const {
    while (at < source_.size()) {
      size_t next = at;
      if (!is_space(utf8_next(source_, next))) break;
      at = next;
    }
    return at;
  }

  bool here(size_t at, std::string_view text) const {
    return std::string_view(source_).substr(at).starts_with(text);
  }

  // The text before a tag, after the tag's sign ('-', '+' or 0) and lstrip_blocks had their say.
  void push_text(size_t begin, size_t end, char sign, bool block) {
    std::string_view text = std::string_view(source_).substr(begin, end - begin);
    if (sign == '-') {
      while (!text.empty()) {
        size_t last = text.size() - 1;
        while (last > 0 && utf8_continues(text[last])) --last;
        size_t next = last;
        if (!is_space(utf8_next(text, next))) break;
        text = text.substr(0, last);
      }
    } else if (sign != '+' && options_.lstrip_blocks && block) {
      size_t line_begin = text.rfind('\n') == kNone ? 0 : text.rfind('\n') + 1;
      if (line_begin > 0 || line_starting_) {
        if (skip_space(begin + line_begin) >= end) text = text.substr(0, line_begin);
      }
    }
    if (!text.empty()) push(TokenKind::kData, std::string(text));
  }

  char sign_at(size_t at) const {
    return at < source_.size() && (source_[at] == '-' || source_[at] == '+') ? source_[at] : '\0';
  }

  // Data up to the next tag, and the tag.
  void root() {
    size_t begin = at_, tag = at_;
    for (;; ++tag) {
      tag = source_.find('{', tag);
      if (tag == kNone || tag + 1 >= source_.size()) {
        push(TokenKind::kData, source_.substr(begin));
        advance_to(source_.size());
        return;
      }
      if (std::strchr("%{#", source_[tag + 1]) != nullptr) break;
    }
    char type = source_[tag + 1];
    char sign = sign_at(tag + 2);
    push_text(begin, tag, sign, type != '{');
    size_t inside = tag + 2 + (sign != 0 ? 1 : 0);
    if (type == '#') {
      advance_to(inside);
      comment();
    } else if (size_t raw = type == '%' ? raw_begin(inside) : kNone; raw != kNone) {
      advance_to(raw);
      raw_body();
    } else {
      advance_to(tag);
      push(type == '%' ? TokenKind::kBlockBegin : TokenKind::kVariableBegin, "");
      advance_to(inside);
      tag_body(type == '%');
    }
  }

  // Behind `{%`: the end of `raw %}`, or kNone.
  size_t raw_begin(size_t at) const {
    at = skip_space(at);
    if (!here(at, "raw")) return kNone;
    at = skip_space(at + 3);
    if (here(at, "-%}")) return skip_space(at + 3);
    return here(at, "%}") ? at + 2 : kNone;
  }

  // The end of a tag's closing `%}` or `#}` at `at`, with what it takes along; kNone when there is none.
  size_t closing(size_t at, std::string_view close) const {
    if (here(at, std::string("+") + std::string(close))) return at + 3;
    if (here(at, std::string("-") + std::string(close))) return skip_space(at + 3);
    if (!here(at, close)) return kNone;
    bool newline = options_.trim_blocks && at + 2 < source_.size() && source_[at + 2] == '\n';
    return at + 2 + (newline ? 1 : 0);
  }

  // Jinja misses the end of a comment or of raw only when something stands behind the beginning.
  void comment() {
    if (at_ == source_.size()) return;
    size_t close = source_.find("#}", at_);
    if (close == kNone) fail_syntax("Missing end of comment tag", line_);
    size_t sign = close > at_ && sign_at(close - 1) != 0 ? close - 1 : close;
    advance_to(closing(sign, "#}"));
  }

  void raw_body() {
    if (at_ == source_.size()) return;
    size_t begin = at_;
    for (size_t tag = source_.find("{%", at_); tag != kNone; tag = source_.find("{%", tag + 1)) {
      char sign = sign_at(tag + 2);
      size_t word = skip_space(tag + 2 + (sign != 0 ? 1 : 0));
      if (!here(word, "endraw")) continue;
      size_t end = closing(skip_space(word + 6), "%}");
      if (end == kNone) continue;
      push_text(begin, tag, sign, true);
      advance_to(end);
      return;
    }
    fail_syntax("Missing end of raw directive", line_);
  }

  // From behind a tag's opening to behind its closing.
  void tag_body(bool block) {
    std::vector<char> open;
    while (at_ < source_.size()) {
      if (open.empty()) {
        size_t end = block ? closing(at_, "%}") : variable_closing();
        if (end != kNone) {
          push(block ? TokenKind::kBlockEnd : TokenKind::kVariableEnd, "");
          advance_to(end);
          return;
        }
      }
      if (size_t end = skip_space(at_); end != at_) {
        advance_to(end);
      } else if (!number() && !name() && !string() && !operation(open)) {
        size_t next = at_;
        utf8_next(source_, next);
        fail_syntax("unexpected char " + string_repr(source_.substr(at_, next - at_)) + " at " +
                        std::to_string(utf8_length(std::string_view(source_).substr(0, at_))),
                    line_);
      }
    }
  }

  size_t variable_closing() const {
    if (here(at_, "-}}")) return skip_space(at_ + 3);
    return here(at_, "}}") ? at_ + 2 : kNone;
  }

  // Digits with single underscores between them; `at` moves past them.
  bool digits(size_t& at) const {
    size_t begin = at;
    while (at < source_.size() &&
           (ascii_digit(source_[at]) || (source_[at] == '_' && at > begin && at + 1 < source_.size() &&
                                         ascii_digit(source_[at + 1]) && source_[at - 1] != '_'))) {
      ++at;
    }
    return at > begin;
  }

  size_t float_end() const {
    if (at_ > 0 && source_[at_ - 1] == '.') return kNone;
    size_t at = at_;
    if (!digits(at)) return kNone;
    size_t end = kNone;
    if (at < source_.size() && source_[at] == '.') {
      size_t fraction = at + 1;
      if (digits(fraction)) end = at = fraction;
    }
    if (at < source_.size() && (source_[at] == 'e' || source_[at] == 'E')) {
      size_t exponent = at + 1;
      if (sign_at(exponent) != 0) ++exponent;
      if (digits(exponent)) end = exponent;
    }
    return end;
  }

  size_t integer_end() const {
    auto run = [&](size_t at, auto good) {
      size_t end = at;
      while (end < source_.size()) {
        size_t next = source_[end] == '_' ? end + 1 : end;
        if (next >= source_.size() || !good(source_[next])) break;
        end = next + 1;
      }
      return end;
    };
    if (source_[at_] != '0') return run(at_, ascii_digit);
    char base = at_ + 1 < source_.size() ? static_cast<char>(source_[at_ + 1] | 0x20) : '\0';
    size_t end = at_ + 2;
    if (base == 'b') end = run(end, [](char c) { return c == '0' || c == '1'; });
    if (base == 'o') end = run(end, [](char c) { return c >= '0' && c <= '7'; });
    if (base == 'x') end = run(end, [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; });
    if (end > at_ + 2) return end;
    return run(at_, [](char c) { return c == '0'; });
  }

  bool number() {
    if (!ascii_digit(source_[at_])) return false;
    size_t end = float_end();
    bool real = end != kNone;
    if (!real) end = integer_end();
    std::string text = source_.substr(at_, end - at_);
    text.erase(std::remove(text.begin(), text.end(), '_'), text.end());
    push(real ? TokenKind::kFloat : TokenKind::kInteger, text);
    if (real) {
      double value = 0;
      parse_float(text, value);
      tokens_.back().number = Value::real(value);
    } else {
      Int value = 0;
      parse_int(text, 0, value);
      tokens_.back().number = Value::integer(value);
    }
    advance_to(end);
    return true;
  }

  bool name() {
    size_t end = at_;
    bool identifier = true;
    while (end < source_.size()) {
      size_t next = end;
      uint32_t code = utf8_next(source_, next);
      if (code != '_' && !is_alnum(code) && !is_identifier_part(code)) break;
      identifier = identifier && (end == at_ ? is_identifier_start(code) : is_identifier_part(code));
      end = next;
    }
    if (end == at_) return false;
    if (!identifier) fail_syntax("Invalid character in identifier", line_);
    push(TokenKind::kName, source_.substr(at_, end - at_));
    advance_to(end);
    return true;
  }

  bool string() {
    char quote = source_[at_];
    if (quote != '\'' && quote != '"') return false;
    size_t end = at_ + 1;
    while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? size_t{2} : size_t{1};
    if (end >= source_.size()) return false;
    push(TokenKind::kString, decode_escapes(source_.substr(at_ + 1, end - at_ - 1), line_));
    advance_to(end + 1);
    return true;
  }

  bool operation(std::vector<char>& open) {
    static constexpr std::string_view kTwo[] = {"//", "**", "==", "!=", ">=", "<="};
    std::string text;
    for (std::string_view two : kTwo) {
      if (here(at_, two)) text = two;
    }
    if (text.empty()) {
      if (std::strchr("+-/*%~[](){}><=.:|,;", source_[at_]) == nullptr || source_[at_] == '\0') return false;
      text = source_[at_];
    }
    balance(open, text[0]);
    push(TokenKind::kOperator, text);
    advance_to(at_ + text.size());
    return true;
  }

  void balance(std::vector<char>& open, char c) {
    if (c == '(' || c == '[' || c == '{') {
      open.push_back(c == '(' ? ')' : c == '[' ? ']' : '}');
    } else if (c == ')' || c == ']' || c == '}') {
      if (open.empty()) fail_syntax(std::string("unexpected '") + c + "'", line_);
      if (open.back() != c) {
        fail_syntax(std::string("unexpected '") + c + "', expected '" + open.back() + "'", line_);
      }
      open.pop_back();
    }
  }

  const TemplateOptions& options_;
  std::string source_;
  size_t at_ = 0;
  uint32_t line_ = 1;
  bool line_starting_ = true;
  std::vector<Token> tokens_;
};

}  // namespace

void fail_syntax(std::string message, uint32_t line) {
  throw TemplateError(TemplateErrorKind::kType, std::move(message), line);
}

std::string describe_token(const Token& token) {
  static constexpr const char* kNames[] = {"template data / text",
                                           "begin of print statement",
                                           "end of print statement",
                                           "begin of statement block",
                                           "end of statement block",
                                           nullptr,
                                           "string",
                                           "integer",
                                           "float",
                                           nullptr,
                                           "end of template"};
  const char* name = kNames[static_cast<size_t>(token.kind)];
  return name != nullptr ? name : token.text;
}

std::vector<Token> tokenize(std::string_view source, const TemplateOptions& options) {
  if (!is_utf8(source)) fail_syntax("the template is not UTF-8", 0);
  return Lexer(source, options).run();
}

}  // namespace gantry::jinja
