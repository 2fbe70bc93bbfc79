#include "jinja/unicode.h"

#include <algorithm>
#include <span>

#include "jinja/utf8.h"

namespace gantry::jinja {
namespace {

struct CodeRange {
  uint32_t first, last;
};
struct CaseMapping {
  uint32_t code;
  uint32_t mapped[3];  // up to three, zero at the end
};
#include "jinja/unicode_tables.inc"

constexpr uint32_t kCapitalSigma = 0x3a3;
constexpr uint32_t kFinalSigma = 0x3c2;
constexpr uint32_t kSmallSigma = 0x3c3;

bool inside(std::span<const CodeRange> ranges, uint32_t code) {
  auto it = std::upper_bound(ranges.begin(), ranges.end(), code,
                             [](uint32_t value, const CodeRange& range) { return value < range.first; });
  return it != ranges.begin() && code <= std::prev(it)->last;
}

void append_mapped(std::string& out, std::span<const CaseMapping> map, uint32_t code) {
  auto it = std::lower_bound(map.begin(), map.end(), code,
                             [](const CaseMapping& row, uint32_t value) { return row.code < value; });
  if (it == map.end() || it->code != code) {
    utf8_append(out, code);
    return;
  }
  for (uint32_t mapped : it->mapped) {
    if (mapped != 0) utf8_append(out, mapped);
  }
}

// A capital sigma becomes the final form after a cased letter and before none.
bool sigma_is_final(const std::vector<uint32_t>& codes, size_t at) {
  size_t before = at;
  while (before > 0 && inside(kCaseIgnorable, codes[before - 1])) --before;
  if (before == 0 || !inside(kCased, codes[before - 1])) return false;
  size_t after = at + 1;
  while (after < codes.size() && inside(kCaseIgnorable, codes[after])) ++after;
  return after == codes.size() || !inside(kCased, codes[after]);
}

void append_lower(std::string& out, const std::vector<uint32_t>& codes, size_t at) {
  if (codes[at] == kCapitalSigma) {
    utf8_append(out, sigma_is_final(codes, at) ? kFinalSigma : kSmallSigma);
  } else {
    append_mapped(out, kLowerMap, codes[at]);
  }
}

}  // namespace

bool is_alpha(uint32_t code) { return inside(kAlpha, code); }
bool is_space(uint32_t code) { return inside(kSpace, code); }
bool is_numeric(uint32_t code) { return inside(kNumeric, code); }
bool is_digit(uint32_t code) { return inside(kDigit, code); }
bool is_decimal(uint32_t code) { return inside(kDecimal, code); }
bool is_printable(uint32_t code) { return inside(kPrintable, code); }
bool is_lower(uint32_t code) { return inside(kLower, code); }
bool is_upper(uint32_t code) { return inside(kUpper, code); }
bool is_title(uint32_t code) { return inside(kTitle, code); }
bool is_cased(uint32_t code) { return is_lower(code) || is_upper(code) || is_title(code); }
bool is_identifier_start(uint32_t code) { return inside(kIdentifierStart, code); }
bool is_identifier_part(uint32_t code) { return inside(kIdentifierPart, code); }

int decimal_value(uint32_t code) {
  if (!is_decimal(code)) return -1;
  std::span<const uint32_t> zeros(kDecimalZero);
  auto it = std::upper_bound(zeros.begin(), zeros.end(), code);
  return it == zeros.begin() ? -1 : static_cast<int>(code - *std::prev(it));
}

bool is_line_break(uint32_t code) {
  return (code >= 0x0a && code <= 0x0d) || (code >= 0x1c && code <= 0x1e) || code == 0x85 || code == 0x2028 ||
         code == 0x2029;
}

std::string to_upper(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) append_mapped(out, kUpperMap, utf8_next(text, at));
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
      append_mapped(out, kTitleMap, codes[i]);
    }
    inside_word = inside(kCased, codes[i]);
  }
  return out;
}

std::string to_capitalized(std::string_view text) {
  std::vector<uint32_t> codes = utf8_decode(text);
  std::string out;
  for (size_t i = 0; i < codes.size(); ++i) {
    if (i == 0) {
      append_mapped(out, kTitleMap, codes[i]);
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
      append_mapped(out, kUpperMap, codes[i]);
    } else {
      utf8_append(out, codes[i]);
    }
  }
  return out;
}

std::string to_folded(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) append_mapped(out, kFoldMap, utf8_next(text, at));
  return out;
}

}  // namespace gantry::jinja
