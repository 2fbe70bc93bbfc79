#include "text/unicode.h"

#include <algorithm>

namespace gantry::text {
namespace {

// Mappings as differences to the code point itself.
struct CaseRecord {
  int32_t lower, upper, title, fold;
  uint8_t flags;
};
struct SpecialCase {
  char32_t code;
  MappedChars lower, upper, title, fold;
};
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

uint8_t word_bits(char32_t code) {
  return code > kLast ? uint8_t{0} : look_up(kWordIndex, kWordEntries, code);
}

constexpr uint8_t kStartBit = 0x01;
constexpr uint8_t kPartBit = 0x02;
constexpr uint8_t kNumericShift = 2;
constexpr uint8_t kNumericMask = 0x03;
constexpr uint8_t kDecimalShift = 4;

constexpr uint8_t kLowercaseFlag = 0x01;
constexpr uint8_t kUppercaseFlag = 0x02;
constexpr uint8_t kCaseIgnorableFlag = 0x04;
constexpr uint8_t kSpecialFlag = 0x08;

const CaseRecord& cases(char32_t code) {
  // That of most characters, which are as they are in every case.
  static constexpr CaseRecord kNone = {0, 0, 0, 0, 0};
  return code > kLast ? kNone : kCases[look_up(kCaseIndex, kCaseEntries, code)];
}

char32_t moved(char32_t code, int32_t difference) {
  return static_cast<char32_t>(static_cast<int32_t>(code) + difference);
}

template <int32_t CaseRecord::*kSimple, MappedChars SpecialCase::*kFull>
MappedChars mapped(char32_t code) {
  const CaseRecord& record = cases(code);
  if ((record.flags & kSpecialFlag) == 0) return {{moved(code, record.*kSimple)}};
  return std::lower_bound(std::begin(kSpecialCases), std::end(kSpecialCases), code,
                          [](const SpecialCase& row, char32_t wanted) { return row.code < wanted; })
             ->*kFull;
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

bool is_identifier_start(char32_t code) { return (word_bits(code) & kStartBit) != 0; }

bool is_identifier_part(char32_t code) { return (word_bits(code) & kPartBit) != 0; }

NumericType numeric_type(char32_t code) {
  return static_cast<NumericType>(word_bits(code) >> kNumericShift & kNumericMask);
}

int decimal_value(char32_t code) {
  return numeric_type(code) == NumericType::kDecimal ? word_bits(code) >> kDecimalShift : -1;
}

char32_t to_lower(char32_t code) { return moved(code, cases(code).lower); }
char32_t to_upper(char32_t code) { return moved(code, cases(code).upper); }

bool has_lowercase(char32_t code) { return (cases(code).flags & kLowercaseFlag) != 0; }
bool has_uppercase(char32_t code) { return (cases(code).flags & kUppercaseFlag) != 0; }
bool is_cased(char32_t code) {
  return (cases(code).flags & (kLowercaseFlag | kUppercaseFlag)) != 0 ||
         category(code) == Category::kTitlecaseLetter;
}
bool is_case_ignorable(char32_t code) { return (cases(code).flags & kCaseIgnorableFlag) != 0; }

MappedChars full_lower(char32_t code) { return mapped<&CaseRecord::lower, &SpecialCase::lower>(code); }
MappedChars full_upper(char32_t code) { return mapped<&CaseRecord::upper, &SpecialCase::upper>(code); }
MappedChars full_title(char32_t code) { return mapped<&CaseRecord::title, &SpecialCase::title>(code); }
MappedChars full_fold(char32_t code) { return mapped<&CaseRecord::fold, &SpecialCase::fold>(code); }

const char* unicode_version() { return kUnicodeVersion; }

}  // namespace gantry::text
