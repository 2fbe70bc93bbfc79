// What a person at a terminal sees: progress, errors, text that cannot steer the terminal. Any thread, one at
// a time for each object.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "base/error.h"
#include "cli/word_wrap.h"

namespace gantry::cli {

bool is_terminal(int fd);
// Of a line; 0 where there is no terminal or it does not say.
size_t terminal_columns(int fd);
// The characters of LC_CTYPE are UTF-8's from now on, whatever else the environment says. Main thread, once.
void use_utf8_locale();

// "error", "where" and "hint" of an error, each on a line of its own, ending with a line end.
std::string describe(const Error& error);

// Control characters other than tab and line end become their picture (U+2400...): what a model writes must
// not steer the terminal. Whole UTF-8 in, whole UTF-8 out; C1 controls (U+0080..U+009F) are replaced too.
std::string harmless(std::string_view text);

// Writes an answer as it comes. On a terminal lines end between words at its width (word_wrap.h), and
// reasoning is dimmed and stands before the answer with an empty line between; elsewhere reasoning goes to
// `aside` and the answer alone to `out`, as it is.
class AnswerWriter {
 public:
  AnswerWriter(std::FILE* out, std::FILE* aside, bool terminal)
      : out_(out), aside_(aside), terminal_(terminal) {}
  ~AnswerWriter() { leave_reasoning(); }
  AnswerWriter(const AnswerWriter&) = delete;
  AnswerWriter& operator=(const AnswerWriter&) = delete;
  void write(std::string_view text, bool reasoning);
  // The answer is over: the last line ends.
  void end();

 private:
  void leave_reasoning();
  void show(std::string_view text);

  std::FILE* out_;
  std::FILE* aside_;
  bool terminal_;
  bool reasons_ = false;
  bool returned_ = false;  // the last piece ended with a CR, which may belong to an LF
  WordWrap wrap_;
};

// 260032 -> "260 thousand", 7241732096 -> "7.2 billion".
std::string human_count(uint64_t count);

// How far a long work is: one line that renews itself on a terminal, otherwise a plain line for each stage,
// and one every kProgressPause where it takes long. Work that is done within `quiet` is not spoken of.
inline constexpr std::chrono::seconds kProgressPause{10};
inline constexpr std::chrono::milliseconds kQuiet{500};

class ProgressLine {
 public:
  // `work`: "loading"
  ProgressLine(std::FILE* out, bool terminal, std::chrono::milliseconds quiet,
               std::string_view work = "loading")
      : out_(out), terminal_(terminal), work_(work), speaks_from_(std::chrono::steady_clock::now() + quiet) {}
  ~ProgressLine() { clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void update(std::string_view stage, double fraction);
  void clear();  // takes the line away from a terminal

 private:
  std::FILE* out_;
  bool terminal_;
  std::string work_;
  std::chrono::steady_clock::time_point speaks_from_;
  std::string stage_;
  int shown_ = -1;                                // percent
  std::chrono::steady_clock::time_point said_{};  // the last line
};

}  // namespace gantry::cli
