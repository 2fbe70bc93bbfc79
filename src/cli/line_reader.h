// Lines from a person or a pipe. One thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cli/interrupts.h"

namespace gantry::cli {

inline constexpr size_t kLineBytesMax = size_t{1} << 20;

enum class LineEnd : unsigned char {
  kLine,         // a whole line
  kInterrupted,  // Ctrl-C: what was typed is gone
  kEnd,          // Ctrl-D, the end of the pipe, SIGTERM
};

class LineReader {
 public:
  virtual ~LineReader() = default;
  // `line` without its line end; what was pasted into it may have line ends within. Error kTooLarge past
  // kLineBytesMax.
  virtual LineEnd read(const std::string& prompt, std::string& line) = 0;
  // What the arrow keys bring back.
  virtual void remember(const std::string& line) = 0;
};

struct LineOptions {
  std::string history_path;  // lines are kept there (history_file.h); empty: only while this reader lives
  // What the line up to the cursor may become, for Tab: whole beginnings of lines.
  std::function<std::vector<std::string>(const std::string& before)> complete;
};

// Editing and history, when `terminal`; otherwise plain lines from standard input without a prompt, and
// nothing of `options`.
std::unique_ptr<LineReader> make_line_reader(Interrupts& interrupts, bool terminal, LineOptions options = {});

// Error kTooLarge.
[[noreturn]] void refuse_long_line();

}  // namespace gantry::cli
