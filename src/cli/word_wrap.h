// Lines that end between words, at the width of a terminal. One thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace gantry::cli {

inline constexpr size_t kHelpColumns = 80;

// Columns that a terminal shows whole UTF-8 in, as far as the locale knows its characters; those that it does
// not know take one.
size_t columns_of(std::string_view text);

// Lines of at most `columns`, where words allow it; those after the first begin with `indent` spaces, which
// count. Line ends in the text stay.
std::string wrapped(std::string_view text, size_t columns, size_t indent = 0);

// The same for a text that comes piece by piece and is shown at once: a word is held back until it is known
// to fit. The spaces before a word that begins a line are not shown. What stands between two lines of ``` is
// left alone: a line of a program has the end that it has.
class WordWrap {
 public:
  explicit WordWrap(size_t columns = 0) : columns_(columns) {}
  // Of a line; 0: all are left alone. May be told anew between two pieces, as the edge of a window moves.
  void set_columns(size_t columns) { columns_ = columns; }
  // What is to be shown now. `text` is whole UTF-8.
  std::string add(std::string_view text);
  // What was held back; the next piece begins a line.
  std::string end();

 private:
  void add_character(std::string_view character, std::string& out);
  void put_word(std::string& out);
  void end_line(std::string& out);

  size_t columns_;
  size_t at_ = 0;       // columns that the line has
  std::string spaces_;  // behind what was shown
  std::string word_;    // not shown yet
  size_t word_columns_ = 0;
  bool fresh_ = true;     // nothing of the line came, or white space alone
  bool goes_on_ = false;  // the word that is longer than a line
  bool in_code_ = false;
};

}  // namespace gantry::cli
