#include "text/unicode.h"

namespace gantry::text {
namespace {

#include "text/unicode_tables.inc"

constexpr uint8_t kCategoryMask = 0x1F;
constexpr uint8_t kWhiteSpaceBit = 0x20;
constexpr uint8_t kHanBit = 0x40;
constexpr char32_t kLast = 0x10FFFF;
constexpr uint32_t kEntryMask = (1u << kBlockBits) - 1;

template <typename Index>
uint8_t look_up(const Index& index, const uint8_t* entries, char32_t code) {
  return entries[(static_cast<uint32_t>(index[code >> kBlockBits]) << kBlockBits) + (code & kEntryMask)];
}

uint8_t properties(char32_t code) {
  return code > kLast ? uint8_t{0} : look_up(kPropertiesIndex, kPropertiesEntries, code);
}

bool within(Category value, Category first, Category last) { return value >= first && value <= last; }

}  // namespace

Category category(char32_t code) { return static_cast<Category>(properties(code) & kCategoryMask); }

bool is_letter(char32_t code) {
  return within(category(code), Category::kUppercaseLetter, Category::kOtherLetter);
}

bool is_mark(char32_t code) {
  return within(category(code), Category::kNonspacingMark, Category::kEnclosingMark);
}

bool is_number(char32_t code) {
  return within(category(code), Category::kDecimalNumber, Category::kOtherNumber);
}

bool is_punctuation(char32_t code) {
  return within(category(code), Category::kConnectorPunctuation, Category::kOtherPunctuation);
}

bool is_symbol(char32_t code) {
  return within(category(code), Category::kMathSymbol, Category::kOtherSymbol);
}

bool is_upper(char32_t code) { return category(code) == Category::kUppercaseLetter; }

bool is_lower(char32_t code) { return category(code) == Category::kLowercaseLetter; }

bool is_white_space(char32_t code) { return (properties(code) & kWhiteSpaceBit) != 0; }

bool is_han(char32_t code) { return (properties(code) & kHanBit) != 0; }

char32_t to_lower(char32_t code) {
  if (code > kLast) return code;
  const int32_t difference = kLowerDifferences[look_up(kLowerIndex, kLowerEntries, code)];
  return static_cast<char32_t>(static_cast<int32_t>(code) + difference);
}

char32_t to_upper(char32_t code) {
  if (code > kLast) return code;
  const int32_t difference = kUpperDifferences[look_up(kUpperIndex, kUpperEntries, code)];
  return static_cast<char32_t>(static_cast<int32_t>(code) + difference);
}

const char* unicode_version() { return kUnicodeVersion; }

}  // namespace gantry::text
