#include "text/unicode.h"

#include <string>

#include <gtest/gtest.h>
#include <utf8proc.h>

#include "text/utf8.h"

namespace gantry::text {
namespace {

// utf8proc carries the same Unicode version: an independent reading of the same data. Its numbering of
// categories is another.
TEST(Unicode, categories_agree_with_an_independent_table) {
  ASSERT_EQ(std::string(unicode_version()), utf8proc_unicode_version());
  const auto name = [](char32_t code) {
    static constexpr const char* kNames[kCategories] = {
        "Cn", "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps",
        "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co"};
    return std::string(kNames[static_cast<uint32_t>(category(code))]);
  };
  for (char32_t code = 0; code <= 0x10FFFF; ++code) {
    if (code >= 0xD800 && code <= 0xDFFF) continue;
    ASSERT_EQ(name(code), utf8proc_category_string(static_cast<int32_t>(code)))
        << static_cast<uint32_t>(code);
  }
}

TEST(Unicode, knows_white_space) {
  uint32_t count = 0;
  for (char32_t code = 0; code <= 0x10FFFF; ++code) count += is_white_space(code) ? 1u : 0u;
  EXPECT_EQ(count, 25u);
  for (const char32_t code : std::initializer_list<char32_t>{0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x20, 0x85, 0xA0,
                                                             0x1680, 0x2028, 0x202F, 0x3000}) {
    EXPECT_TRUE(is_white_space(code)) << static_cast<uint32_t>(code);
  }
  for (const char32_t code : std::initializer_list<char32_t>{0x1C, 0x1F, 0x180E, 0x200B, 0x2060, 0xFEFF}) {
    EXPECT_FALSE(is_white_space(code)) << static_cast<uint32_t>(code);
  }
}

TEST(Unicode, knows_the_groups) {
  EXPECT_TRUE(is_letter(U'\u00AA') && is_letter(U'\u4E2D') && is_letter(U'\u02B0') && is_letter(U'\u01C5'));
  EXPECT_FALSE(is_letter(U'1') || is_letter(U'\u0301') || is_letter(U'_') || is_letter(0x378));
  EXPECT_TRUE(is_number(U'\u00B2') && is_number(U'\u2167') && is_number(U'\u0663') && is_number(U'\u3007'));
  EXPECT_TRUE(is_mark(U'\u0301') && is_mark(U'\u0903') && is_mark(U'\u20DD'));
  EXPECT_TRUE(is_punctuation(U'_') && is_punctuation(U'\u00AB') && is_punctuation(U'\u3002'));
  EXPECT_FALSE(is_punctuation(U'$') || is_punctuation(U'+') || is_punctuation(U'^'));
  EXPECT_TRUE(is_symbol(U'$') && is_symbol(U'^') && is_symbol(U'\U0001F999'));
  EXPECT_TRUE(is_upper(U'\u0410') && is_lower(U'\u0430') && !is_upper(U'\u01C5') && !is_lower(U'\u4E2D'));
  EXPECT_TRUE(is_han(U'\u4E2D') && is_han(U'\u3005') && is_han(U'\u3007') && is_han(0x20000));
  EXPECT_FALSE(is_han(U'\u3042') || is_han(U'\u3002') || is_han(U'\uAC00'));
  EXPECT_EQ(category(0x110000), Category::kUnassigned);
  EXPECT_EQ(category(0xFFFFFFFF), Category::kUnassigned);
}

TEST(Unicode, maps_case) {
  for (char32_t code = 0; code <= 0x10FFFF; ++code) {
    ASSERT_EQ(to_lower(code), static_cast<char32_t>(utf8proc_tolower(static_cast<int32_t>(code))));
    // U+00DF has no simple uppercase; utf8proc gives U+1E9E for it.
    if (code == 0xDF) continue;
    ASSERT_EQ(to_upper(code), static_cast<char32_t>(utf8proc_toupper(static_cast<int32_t>(code))));
  }
  EXPECT_EQ(to_upper(0xDF), char32_t{0xDF});
  EXPECT_EQ(to_lower(0xFFFFFFFF), char32_t{0xFFFFFFFF});
}

std::u32string text_of(MappedChars mapped) {
  std::u32string text;
  for (const char32_t code : mapped.codes)
    if (code != 0) text += code;
  return text;
}

TEST(Unicode, maps_case_to_several_characters) {
  EXPECT_EQ(text_of(full_upper(U'\u00DF')), U"SS");
  EXPECT_EQ(text_of(full_title(U'\u00DF')), U"Ss");
  EXPECT_EQ(text_of(full_fold(U'\u1E9E')), U"ss");
  EXPECT_EQ(text_of(full_lower(0x130)), U"i\u0307");
  EXPECT_EQ(text_of(full_upper(U'\u0390')), U"\u0399\u0308\u0301");
  EXPECT_EQ(text_of(full_title(U'\u01C6')), U"\u01C5");
  EXPECT_EQ(text_of(full_lower(0x3A3)), U"\u03C3");  // the final form is a question of the place
  EXPECT_EQ(full_lower(0xFFFFFFFF).codes[0], char32_t{0xFFFFFFFF});
}

TEST(Unicode, knows_numbers_and_names) {
  EXPECT_EQ(numeric_type(U'\u0663'), NumericType::kDecimal);
  EXPECT_EQ(decimal_value(U'\u0663'), 3);
  EXPECT_EQ(decimal_value(0x1D7FF), 9);
  EXPECT_EQ(numeric_type(U'\u00B2'), NumericType::kDigit);
  EXPECT_EQ(numeric_type(U'\u4E09'), NumericType::kNumeric);
  EXPECT_EQ(decimal_value(U'\u00B2'), -1);
  EXPECT_EQ(numeric_type(U'a'), NumericType::kNone);
  EXPECT_TRUE(is_identifier_start(U'\u00E9') && is_identifier_part(U'7') && is_identifier_part(U'_'));
  EXPECT_FALSE(is_identifier_start(U'7') || is_identifier_part(U' ') || is_identifier_start(0x110000));
}

TEST(Unicode, knows_what_has_a_case) {
  EXPECT_TRUE(has_uppercase(U'\u2160') && has_lowercase(U'\u00AA') && is_cased(U'\u01C5'));
  EXPECT_FALSE(has_uppercase(U'\u01C5') || has_lowercase(U'\u01C5') || is_cased(U'1'));
  EXPECT_TRUE(is_case_ignorable(U'\'') && is_case_ignorable(U'\u0301') && is_case_ignorable(U'\u02B0'));
  EXPECT_FALSE(is_case_ignorable(U'a') || is_case_ignorable(U' '));
}

TEST(Unicode, normalizes) {
  EXPECT_EQ(nfc("A\xCC\x8A"), "\xC3\x85");
  EXPECT_EQ(nfd("\xC3\x85"), "A\xCC\x8A");
  EXPECT_EQ(nfc("\xE2\x84\xAB"), "\xC3\x85");                              // ANGSTROM SIGN
  EXPECT_EQ(nfc("\xE1\x84\x80\xE1\x85\xA1\xE1\x86\xA8"), "\xEA\xB0\x81");  // Hangul by rule
  EXPECT_EQ(nfd("\xEA\xB0\x81"), "\xE1\x84\x80\xE1\x85\xA1\xE1\x86\xA8");
  EXPECT_EQ(nfkc("\xEF\xAC\x81\xC2\xBD"),
            "fi1\xE2\x81\x84"
            "2");
  EXPECT_EQ(nfkc("\xEF\xB7\xBA").size(), 33u);               // the longest decomposition
  EXPECT_EQ(nfd("a\xCC\x81\xCC\xA3"), "a\xCC\xA3\xCC\x81");  // marks in canonical order
  EXPECT_EQ(nfc("a\xCC\x81\xCC\xA3"), "\xE1\xBA\xA1\xCC\x81");
  EXPECT_EQ(nfc("a\xFF"), "a\xEF\xBF\xBD");
  EXPECT_EQ(nfc(""), "");
}

// Alternating combining classes are the worst case of ordering by exchanging neighbours: this size would not
// end.
TEST(Unicode, normalizes_a_million_combining_marks) {
  std::string s = "a";
  for (int i = 0; i < 500'000; ++i) s += "\xCC\x81\xCC\xA3";
  const std::string sorted = nfd(s);
  ASSERT_EQ(sorted.size(), s.size());
  EXPECT_EQ(sorted.substr(0, 5), "a\xCC\xA3\xCC\xA3");
  EXPECT_EQ(sorted.substr(sorted.size() - 4), "\xCC\x81\xCC\x81");
}

}  // namespace
}  // namespace gantry::text
