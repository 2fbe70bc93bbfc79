// What templates know of characters, against the Python at hand.
#include "jinja/unicode.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "jinja/utf8.h"
#include "text/unicode.h"

namespace gantry::jinja {
namespace {

constexpr uint32_t kLast = 0x10FFFF;
constexpr std::string_view kSigma = "\u03a3";

std::string text_of(uint32_t code) {
  std::string text;
  utf8_append(text, code);
  return text;
}

void append_hex(std::string& line, std::string_view text) {
  for (const char byte : text) line += fmt::format("{:02x}", static_cast<unsigned char>(byte));
}

// The columns of tools/unicode/python_characters.py.
std::string line_of(uint32_t code) {
  const bool answers[] = {is_alpha(code),
                          is_space(code),
                          is_numeric(code),
                          is_digit(code),
                          is_decimal(code),
                          is_printable(code),
                          is_lower(code),
                          is_upper(code),
                          is_identifier_start(code),
                          is_identifier_part(code),
                          is_alnum(code),
                          is_line_break(code),
                          is_title(code)};
  uint32_t bits = 0;
  for (size_t i = 0; i < std::size(answers); ++i) bits |= answers[i] ? 1u << i : 0u;
  std::string line = fmt::format("{:x} {:x} {}", code, bits, decimal_value(code));
  const std::string self = text_of(code);
  for (const std::string& text :
       {to_upper(self), to_lower(self), to_title(self), to_capitalized(self), to_swapped(self),
        to_folded(self), to_lower(fmt::format("A{}{}", self, kSigma)),
        to_lower(fmt::format(".{}{}", self, kSigma)), to_lower(fmt::format("A{}{}a", kSigma, self)),
        to_title(self + "a")}) {
    line += ' ';
    append_hex(line, text);
  }
  return line;
}

class PythonLines {
 public:
  PythonLines()
      : pipe_(::popen("python3 -B " GANTRY_SOURCE_DIR "/tools/unicode/python_characters.py", "r")) {}
  ~PythonLines() {
    if (pipe_ != nullptr) ::pclose(pipe_);
  }
  PythonLines(const PythonLines&) = delete;
  PythonLines& operator=(const PythonLines&) = delete;

  bool next(std::string& line) {
    line.clear();
    if (pipe_ == nullptr) return false;
    for (int c = std::fgetc(pipe_); c != EOF; c = std::fgetc(pipe_)) {
      if (c == '\n') return true;
      line += static_cast<char>(c);
    }
    return false;
  }

 private:
  FILE* const pipe_;
};

// Modifier letters that are lowercase since Unicode 15.0, and were there before.
bool was_changed(uint32_t code, const std::string& pythons_version) {
  constexpr uint32_t kChanged[] = {0x10FC, 0xA7F2, 0xA7F3, 0xA7F4, 0xAB69};
  return std::atoi(pythons_version.c_str()) < 15 && std::ranges::find(kChanged, code) != std::end(kChanged);
}

// Characters that only one of the two Unicode versions has, or that the later one changed, are left out, and
// counted.
TEST(Characters, are_as_python_has_them) {
  PythonLines lines;
  std::string line;
  if (!lines.next(line)) GTEST_SKIP() << "no python3";
  const std::string version = line;
  uint32_t only_here = 0, only_there = 0, changed = 0, compared = 0;
  uint32_t next = 0;  // the first code point of which Python may still speak
  const auto assigned = [](uint32_t code) {
    const text::Category category = text::category(code);
    return category != text::Category::kUnassigned && category != text::Category::kSurrogate;
  };
  while (lines.next(line)) {
    const auto code = static_cast<uint32_t>(std::strtoul(line.c_str(), nullptr, 16));
    for (; next < code; ++next) only_here += assigned(next) ? 1u : 0u;
    ++next;
    if (!assigned(code)) {
      ++only_there;
      continue;
    }
    if (was_changed(code, version)) {
      EXPECT_NE(line_of(code), line);
      ++changed;
      continue;
    }
    ASSERT_EQ(line_of(code), line);
    ++compared;
  }
  for (; next <= kLast; ++next) only_here += assigned(next) ? 1u : 0u;
  std::printf(
      "Unicode %s, Python's %s: %u characters compared, left out %u and %u that one has alone, "
      "%u that were changed\n",
      text::unicode_version(), version.c_str(), compared, only_here, only_there, changed);
  EXPECT_GT(compared, 280'000u);
}

TEST(Characters, modifier_letters_begin_a_word_and_are_no_end_of_it) {
  // U+02B0 has a case and is looked past as well: a letter after it is not the first of its word.
  EXPECT_EQ(to_title("\u02b0a"), "\u02b0a");
  EXPECT_EQ(to_lower("A\u03a3\u02b0"), "a\u03c2\u02b0");
}

}  // namespace
}  // namespace gantry::jinja
