#include "cli/editing_reader.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cwchar>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <histedit.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/error.h"
#include "cli/history_file.h"
#include "cli/keys.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "cli/word_wrap.h"
#include "text/utf8.h"

namespace gantry::cli {
namespace {

// How terminals mark a pasted text, once they were asked to (xterm's mode 2004): line ends in it end no line.
constexpr const char* kAskForMarks = "\x1b[?2004h";
constexpr const char* kAskForNone = "\x1b[?2004l";
constexpr const char* kPasteBegins = "\\e[200~";  // as the editor writes keys
constexpr std::string_view kPasteEnds = "\x1b[201~";

bool marks_pastes() {
  const char* kind = std::getenv("TERM");
  return kind != nullptr && std::string_view(kind) != "dumb";
}

// A pasted text as it is put into the line: whole UTF-8, line ends of one kind, nothing that steers.
std::string plain_text(std::string_view pasted) {
  std::string out;
  pasted = text::without_mark(pasted);
  for (size_t i = 0; i < pasted.size(); ++i) {
    const char c = pasted[i];
    if (c == '\r' || c == '\n') {
      // Both are one. While a line is edited the terminal gives one for the other.
      const char other = c == '\r' ? '\n' : '\r';
      if (i + 1 < pasted.size() && pasted[i + 1] == other) ++i;
      out += '\n';
    } else if (c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f)) {
      out += c;
    }
  }
  return text::repair_utf8(out);
}

// What all of them begin with.
std::string common_beginning(const std::vector<std::string>& words) {
  std::string common = words.front();
  for (const std::string& word : words)
    common.resize(static_cast<size_t>(std::ranges::mismatch(common, word).in1 - common.begin()));
  return common;
}

class EditingReader final : public LineReader {
 public:
  EditingReader(Interrupts& interrupts, LineOptions options)
      : interrupts_(interrupts), options_(std::move(options)), file_(options_.history_path) {
    use_utf8_locale();  // the editor counts characters as the locale has them
    history_ = ::history_init();
    HistEvent event{};
    ::history(history_, &event, H_SETSIZE, static_cast<int>(kHistoryEntriesMax));
    ::history(history_, &event, H_SETUNIQUE, 1);
    for (const std::string& line : file_.read()) ::history(history_, &event, H_ENTER, line.c_str());
    editor_ = ::el_init("gantry", stdin, stdout, stderr);
    if (editor_ == nullptr) throw Error(ErrorCode::kIo, "the terminal cannot be edited on", "standard input");
    ::el_set(editor_, EL_CLIENTDATA, this);
    ::el_set(editor_, EL_PROMPT, &EditingReader::prompt);
    ::el_set(editor_, EL_EDITOR, "emacs");
    ::el_set(editor_, EL_SIGNAL, 0);
    ::el_set(editor_, EL_HIST, ::history, history_);
    ::el_set(editor_, EL_GETCFN, &EditingReader::next_character);
    ::el_set(editor_, EL_ADDFN, "paste", "take a pasted text", &EditingReader::paste);
    ::el_set(editor_, EL_ADDFN, "complete", "complete a command", &EditingReader::complete);
    // As shells do; other keys come as those that are bound already (keys.h).
    for (const auto& [key, function] : {std::pair{kPasteBegins, "paste"},
                                        {"^I", "complete"},
                                        {"^R", "em-inc-search-prev"},
                                        {"^U", "vi-kill-line-prev"},
                                        {"^W", "ed-delete-prev-word"},
                                        {"\\e[3~", "ed-delete-next-char"}})
      ::el_set(editor_, EL_BIND, key, function, nullptr);
    interrupts_.watch_window();
    hold_terminal();
    if (marks_pastes()) tell_terminal(kAskForMarks);
  }
  ~EditingReader() override {
    if (marks_pastes()) tell_terminal(kAskForNone);
    ::el_set(editor_, EL_PREP_TERM, 0);
    ::el_end(editor_);
    ::history_end(history_);
  }
  EditingReader(const EditingReader&) = delete;
  EditingReader& operator=(const EditingReader&) = delete;

  LineEnd read(const std::string& prompt, std::string& line) override {
    if (const std::string trouble = file_.trouble(); !trouble.empty()) note("{}\n", trouble);
    prompt_ = prompt;
    signal_ = 0;
    line.clear();
    if (interrupts_.take_window()) take_terminal_again();
    hold_terminal();
    int count = 0;
    const char* text = ::el_gets(editor_, &count);
    hold_terminal();
    if (signal_ != 0) {
      tell_terminal(signal_ == SIGINT ? "^C\n" : "\n");
      return signal_ == SIGTERM ? LineEnd::kEnd : LineEnd::kInterrupted;
    }
    if (text == nullptr || count <= 0) {
      tell_terminal("\n");
      return LineEnd::kEnd;
    }
    line.assign(text, static_cast<size_t>(count));
    if (line.size() > kLineBytesMax) refuse_long_line();
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
    return LineEnd::kLine;
  }

  void remember(const std::string& line) override {
    if (line.empty()) return;
    HistEvent event{};
    ::history(history_, &event, H_ENTER, line.c_str());
    file_.append(line);
  }

 private:
  static EditingReader& self(EditLine* editor) {
    void* data = nullptr;
    ::el_get(editor, EL_CLIENTDATA, &data);
    return *static_cast<EditingReader*>(data);
  }
  static char* prompt(EditLine* editor) { return self(editor).prompt_.data(); }

  static void tell_terminal(const char* sequence) {
    std::fputs(sequence, stdout);
    std::fflush(stdout);
  }

  // From now on, and not only while a line is edited: what is typed while an answer is written is not shown
  // in it, and waits as a whole for the next line.
  void hold_terminal() { ::el_set(editor_, EL_PREP_TERM, 1); }

  // The edge of the window has moved, or the terminal was somebody else's for a while, who left it in another
  // state than the editor believes.
  void take_terminal_again() {
    ::el_set(editor_, EL_PREP_TERM, 0);
    hold_terminal();
    if (marks_pastes()) tell_terminal(kAskForMarks);
    ::el_resize(editor_);
  }

  // The rows of the screen between the beginning of the line and the cursor.
  size_t rows_above_cursor() const {
    const LineInfo* line = ::el_line(editor_);
    const size_t columns = terminal_columns(STDOUT_FILENO);
    if (columns == 0) return 0;
    std::string before = prompt_;
    before.append(line->buffer, static_cast<size_t>(line->cursor - line->buffer));
    size_t rows = 0;
    for (size_t at = 0; at <= before.size();) {
      const size_t end = std::min(before.find('\n', at), before.size());
      rows +=
          columns_of(std::string_view(before).substr(at, end - at)) / columns + (end < before.size() ? 1 : 0);
      at = end + 1;
    }
    return rows;
  }

  void show_again() {
    take_terminal_again();
    const size_t rows = rows_above_cursor();
    std::fputs(rows > 0 ? fmt::format("\r\x1b[{}A\x1b[J", rows).c_str() : "\r\x1b[J", stdout);
    ::el_set(editor_, EL_REFRESH);
    std::fflush(stdout);
  }

  // The next byte that was typed: 1, or 0 at the end of input, or -1 after a signal.
  int next_byte(char& byte) {
    while (true) {
      switch (interrupts_.wait_for_either(STDIN_FILENO)) {
        case Interrupts::Woken::kSignal:
          signal_ = interrupts_.take();
          errno = EINTR;
          return -1;
        case Interrupts::Woken::kWindow:
          if (interrupts_.take_window()) show_again();
          continue;
        case Interrupts::Woken::kOther:
          break;
      }
      const ssize_t count = ::read(STDIN_FILENO, &byte, 1);
      if (count < 0 && errno == EINTR) continue;
      return count <= 0 ? 0 : 1;
    }
  }

  // The same for the editor: a key that is no character comes as those that the editor knows, or not at all.
  int next_key(char& byte) {
    while (keys_.empty()) {
      if (const int got = next_byte(byte); got != 1) return got;
      if (byte != kEscape) return 1;
      const int got = read_key_after_escape([this](char& next) { return next_byte(next); }, keys_);
      if (got != 1) return got;
    }
    byte = keys_.front();
    keys_.erase(0, 1);
    return 1;
  }

  // The editor has seen the mark of a beginning: all up to the mark of the end goes into the line.
  static unsigned char paste(EditLine* editor, int /*key*/) {
    EditingReader& reader = self(editor);
    std::string pasted;
    bool whole = true;
    while (!pasted.ends_with(kPasteEnds)) {
      char byte = 0;
      if (reader.next_byte(byte) <= 0) return CC_EOF;
      // What is too much is read all the same, so that it is not taken for keys.
      if (pasted.size() > kLineBytesMax + kPasteEnds.size()) {
        whole = false;
        pasted.erase(0, pasted.size() - kPasteEnds.size());
      }
      pasted += byte;
    }
    pasted.resize(pasted.size() - kPasteEnds.size());
    const std::string text = plain_text(pasted);
    if (!whole || text.size() > kLineBytesMax) {
      note("\na pasted text of more than {} is not taken\n", human_bytes(kLineBytesMax));
      return CC_REDISPLAY;
    }
    if (!text.empty() && ::el_insertstr(editor, text.c_str()) < 0) return CC_ERROR;
    return CC_REFRESH;
  }

  static unsigned char complete(EditLine* editor, int /*key*/) {
    const EditingReader& reader = self(editor);
    const LineInfo* line = ::el_line(editor);
    const std::string before(line->buffer, static_cast<size_t>(line->cursor - line->buffer));
    const std::vector<std::string> whole =
        reader.options_.complete ? reader.options_.complete(before) : std::vector<std::string>();
    if (whole.empty()) return CC_REFRESH_BEEP;
    std::string more = common_beginning(whole).substr(before.size());
    if (whole.size() == 1) more += ' ';
    if (!more.empty()) return ::el_insertstr(editor, more.c_str()) < 0 ? CC_ERROR : CC_REFRESH;
    std::string list = "\n";
    for (const std::string& word : whole) list += word.substr(word.rfind(' ') + 1) + "  ";
    tell_terminal((wrapped(list, std::max<size_t>(terminal_columns(STDOUT_FILENO), 2) - 1) + "\n").c_str());
    return CC_REDISPLAY;
  }

  // One character for the editor: 1, or 0 at the end of input, or -1 after a signal.
  static int next_character(EditLine* editor, wchar_t* out) {
    EditingReader& reader = self(editor);
    std::mbstate_t state{};
    while (true) {
      char byte = 0;
      if (const int got = reader.next_key(byte); got <= 0) return got;
      const size_t used = std::mbrtowc(out, &byte, 1, &state);
      if (used == static_cast<size_t>(-2)) continue;  // more bytes of this character
      if (used == static_cast<size_t>(-1)) {
        *out = L'\ufffd';
        return 1;
      }
      if (used == 0) *out = L'\0';
      return 1;
    }
  }

  Interrupts& interrupts_;
  LineOptions options_;
  HistoryFile file_;
  History* history_ = nullptr;
  EditLine* editor_ = nullptr;
  std::string prompt_, keys_;
  int signal_ = 0;
};

}  // namespace

std::unique_ptr<LineReader> make_editing_reader(Interrupts& interrupts, LineOptions options) {
  return std::make_unique<EditingReader>(interrupts, std::move(options));
}

}  // namespace gantry::cli
