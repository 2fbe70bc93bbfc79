#include "cli/word_wrap.h"

#include <algorithm>
#include <cwchar>

namespace gantry::cli {
namespace {

constexpr std::string_view kFence = "```";

// Bytes of the character at the beginning; at least one.
size_t length_of_first(std::string_view text) {
  size_t length = 1;
  while (length < text.size() && (static_cast<unsigned char>(text[length]) & 0xc0) == 0x80) ++length;
  return length;
}

size_t columns_of_character(std::string_view character) {
  if (character.size() == 1) return 1;
  wchar_t wide = 0;
  std::mbstate_t state{};
  if (std::mbrtowc(&wide, character.data(), character.size(), &state) != character.size()) return 1;
  const int columns = ::wcwidth(wide);
  return columns < 0 ? 1 : static_cast<size_t>(columns);
}

}  // namespace

size_t columns_of(std::string_view text) {
  size_t columns = 0;
  while (!text.empty()) {
    const size_t length = length_of_first(text);
    columns += columns_of_character(text.substr(0, length));
    text.remove_prefix(length);
  }
  return columns;
}

std::string wrapped(std::string_view text, size_t columns, size_t indent) {
  std::string out;
  size_t at = 0;
  bool begins = true;  // a line, which has its own spaces
  while (!text.empty()) {
    if (text[0] == '\n') {
      out += '\n';
      at = 0;
      begins = true;
      text.remove_prefix(1);
      continue;
    }
    const size_t gap = std::min(text.find_first_not_of(' '), text.size());
    const size_t end = std::min(text.find_first_of(" \n", gap), text.size());
    const std::string_view word = text.substr(gap, end - gap);
    text.remove_prefix(end);
    if (word.empty()) continue;
    const size_t width = columns_of(word);
    if (!begins && at + gap + width > columns) {
      out += "\n" + std::string(indent, ' ');
      at = indent;
    } else {
      out += std::string(gap, ' ');
      at += gap;
    }
    out += word;
    at += width;
    begins = false;
  }
  return out;
}

std::string WordWrap::add(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t length = length_of_first(text);
    add_character(text.substr(0, length), out);
    text.remove_prefix(length);
  }
  if (columns_ == 0) put_word(out);
  return out;
}

void WordWrap::add_character(std::string_view character, std::string& out) {
  if (character == "\n") {
    end_line(out);
    return;
  }
  if (character == " ") {
    put_word(out);
    goes_on_ = false;
    spaces_ += character;
    return;
  }
  const size_t columns = columns_of_character(character);
  word_ += character;
  word_columns_ += columns;
  // A line may end beside a wide character, as in Chinese.
  if (columns == 2) put_word(out);
  // What no line has room for is broken by the terminal alone, so that who copies it gets it whole.
  if (columns_ != 0 && word_columns_ >= columns_) {
    put_word(out);
    goes_on_ = true;
  }
}

void WordWrap::put_word(std::string& out) {
  if (word_.empty()) return;
  if (fresh_ && word_.starts_with(kFence)) in_code_ = !in_code_;
  const bool full =
      columns_ != 0 && !in_code_ && !goes_on_ && at_ + spaces_.size() + word_columns_ > columns_;
  if (full && at_ > 0) {
    out += '\n';
    at_ = 0;
  } else {
    out += spaces_;
    at_ += spaces_.size();
  }
  out += word_;
  at_ += word_columns_;
  if (columns_ != 0 && at_ > columns_) at_ = (at_ - 1) % columns_ + 1;
  spaces_.clear();
  word_.clear();
  word_columns_ = 0;
  fresh_ = false;
}

void WordWrap::end_line(std::string& out) {
  put_word(out);
  out += spaces_ + '\n';
  spaces_.clear();
  at_ = 0;
  fresh_ = true;
  goes_on_ = false;
}

std::string WordWrap::end() {
  std::string out;
  put_word(out);
  *this = WordWrap(columns_);
  return out;
}

}  // namespace gantry::cli
