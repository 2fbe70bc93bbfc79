#include "jinja/unicode.h"

#include <vector>

#include "jinja/utf8.h"
#include "text/unicode.h"

namespace gantry::jinja {
namespace {

using text::Category;
using text::NumericType;

constexpr uint32_t kCapitalSigma = 0x3a3;
constexpr uint32_t kFinalSigma = 0x3c2;
constexpr uint32_t kSmallSigma = 0x3c3;

void append_mapped(std::string& out, uint32_t code, text::MappedChars (*map)(char32_t)) {
  const text::MappedChars mapped = map(code);
  utf8_append(out, mapped.codes[0]);  // U+0000 is mapped to itself
  for (size_t i = 1; i < std::size(mapped.codes) && mapped.codes[i] != 0; ++i)
    utf8_append(out, mapped.codes[i]);
}

// A capital sigma becomes the final form after a cased letter and before none.
bool sigma_is_final(const std::vector<uint32_t>& codes, size_t at) {
  size_t before = at;
  while (before > 0 && text::is_case_ignorable(codes[before - 1])) --before;
  if (before == 0 || !text::is_cased(codes[before - 1])) return false;
  size_t after = at + 1;
  while (after < codes.size() && text::is_case_ignorable(codes[after])) ++after;
  return after == codes.size() || !text::is_cased(codes[after]);
}

void append_lower(std::string& out, const std::vector<uint32_t>& codes, size_t at) {
  if (codes[at] == kCapitalSigma) {
    utf8_append(out, sigma_is_final(codes, at) ? kFinalSigma : kSmallSigma);
  } else {
    append_mapped(out, codes[at], text::full_lower);
  }
}

}  // namespace

bool is_alpha(uint32_t code) { return text::is_letter(code); }
bool is_space(uint32_t code) { return text::is_white_space(code) || (code >= 0x1c && code <= 0x1f); }
bool is_numeric(uint32_t code) { return text::numeric_type(code) >= NumericType::kNumeric; }
bool is_digit(uint32_t code) { return text::numeric_type(code) >= NumericType::kDigit; }
bool is_decimal(uint32_t code) { return text::numeric_type(code) == NumericType::kDecimal; }
bool is_printable(uint32_t code) {
  // From here on the categories have no glyph of their own: separators, controls, surrogates, private use.
  const Category category = text::category(code);
  return code == ' ' || (category != Category::kUnassigned && category < Category::kSpaceSeparator);
}
bool is_lower(uint32_t code) { return text::has_lowercase(code); }
bool is_upper(uint32_t code) { return text::has_uppercase(code); }
bool is_title(uint32_t code) { return text::category(code) == Category::kTitlecaseLetter; }
bool is_identifier_start(uint32_t code) { return code == '_' || text::is_identifier_start(code); }
bool is_identifier_part(uint32_t code) { return text::is_identifier_part(code); }
int decimal_value(uint32_t code) { return text::decimal_value(code); }

bool is_line_break(uint32_t code) {
  return (code >= 0x0a && code <= 0x0d) || (code >= 0x1c && code <= 0x1e) || code == 0x85 || code == 0x2028 ||
         code == 0x2029;
}

std::string to_upper(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) append_mapped(out, utf8_next(text, at), text::full_upper);
  return out;
}

std::string to_lower(std::string_view text) {
  std::vector<uint32_t> codes = utf8_decode(text);
  std::string out;
  for (size_t i = 0; i < codes.size(); ++i) append_lower(out, codes, i);
  return out;
}

std::string to_title(std::string_view text) {
  std::vector<uint32_t> codes = utf8_decode(text);
  std::string out;
  bool inside_word = false;
  for (size_t i = 0; i < codes.size(); ++i) {
    if (inside_word) {
      append_lower(out, codes, i);
    } else {
      append_mapped(out, codes[i], text::full_title);
    }
    inside_word = text::is_cased(codes[i]);
  }
  return out;
}

std::string to_capitalized(std::string_view text) {
  std::vector<uint32_t> codes = utf8_decode(text);
  std::string out;
  for (size_t i = 0; i < codes.size(); ++i) {
    if (i == 0) {
      append_mapped(out, codes[i], text::full_title);
    } else {
      append_lower(out, codes, i);
    }
  }
  return out;
}

std::string to_swapped(std::string_view text) {
  std::vector<uint32_t> codes = utf8_decode(text);
  std::string out;
  for (size_t i = 0; i < codes.size(); ++i) {
    if (is_upper(codes[i])) {
      append_lower(out, codes, i);
    } else if (is_lower(codes[i])) {
      append_mapped(out, codes[i], text::full_upper);
    } else {
      utf8_append(out, codes[i]);
    }
  }
  return out;
}

std::string to_folded(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) append_mapped(out, utf8_next(text, at), text::full_fold);
  return out;
}

}  // namespace gantry::jinja
