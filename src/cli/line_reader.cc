#include "cli/line_reader.h"

#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cwchar>
#include <string_view>
#include <utility>

#include <histedit.h>
#include <langinfo.h>
#include <unistd.h>

#include "base/error.h"
#include "text/utf8.h"

namespace gantry::cli {
namespace {

constexpr int kHistoryLines = 500;

[[noreturn]] void refuse_long_line() {
  throw Error(ErrorCode::kTooLarge, "a line of more than " + std::to_string(kLineBytesMax) + " bytes",
              "standard input");
}

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

class PlainReader final : public LineReader {
 public:
  explicit PlainReader(Interrupts& interrupts) : interrupts_(interrupts) {}

  LineEnd read(const std::string&, std::string& line) override {
    line.clear();
    while (true) {
      const size_t end = buffer_.find('\n');
      if (end != std::string::npos) {
        line.assign(buffer_, 0, end);
        buffer_.erase(0, end + 1);
        return whole(line);
      }
      if (buffer_.size() > kLineBytesMax) refuse_long_line();
      if (interrupts_.wait_for_either(STDIN_FILENO)) {
        buffer_.clear();
        return interrupts_.take() == SIGTERM ? LineEnd::kEnd : LineEnd::kInterrupted;
      }
      char bytes[4096];
      const ssize_t count = ::read(STDIN_FILENO, bytes, sizeof bytes);
      if (count > 0) {
        buffer_.append(bytes, static_cast<size_t>(count));
      } else if (count == 0 || errno != EINTR) {
        line.swap(buffer_);
        buffer_.clear();
        return line.empty() ? LineEnd::kEnd : whole(line);
      }
    }
  }
  void remember(const std::string&) override {}

 private:
  LineEnd whole(std::string& line) {
    if (!std::exchange(begun_, true)) line.erase(0, line.size() - text::without_mark(line).size());
    return LineEnd::kLine;
  }

  Interrupts& interrupts_;
  std::string buffer_;
  bool begun_ = false;
};

class EditingReader final : public LineReader {
 public:
  explicit EditingReader(Interrupts& interrupts) : interrupts_(interrupts) {
    // The editor counts characters as the locale has them.
    std::setlocale(LC_CTYPE, "");
    if (std::strcmp(::nl_langinfo(CODESET), "UTF-8") != 0) std::setlocale(LC_CTYPE, "C.UTF-8");
    history_ = ::history_init();
    HistEvent event{};
    ::history(history_, &event, H_SETSIZE, kHistoryLines);
    ::history(history_, &event, H_SETUNIQUE, 1);
    editor_ = ::el_init("gantry", stdin, stdout, stderr);
    if (editor_ == nullptr) throw Error(ErrorCode::kIo, "the terminal cannot be edited on", "standard input");
    ::el_set(editor_, EL_CLIENTDATA, this);
    ::el_set(editor_, EL_PROMPT, &EditingReader::prompt);
    ::el_set(editor_, EL_EDITOR, "emacs");
    ::el_set(editor_, EL_SIGNAL, 0);
    ::el_set(editor_, EL_HIST, ::history, history_);
    ::el_set(editor_, EL_GETCFN, &EditingReader::next_character);
    ::el_set(editor_, EL_ADDFN, "paste", "take a pasted text", &EditingReader::paste);
    ::el_set(editor_, EL_BIND, kPasteBegins, "paste", nullptr);
    // Search backwards as shells do; Home, End, Delete as terminals send them.
    for (const auto& [key, function] : {std::pair{"^R", "em-inc-search-prev"},
                                        {"\\e[H", "ed-move-to-beg"},
                                        {"\\e[F", "ed-move-to-end"},
                                        {"\\e[1~", "ed-move-to-beg"},
                                        {"\\e[4~", "ed-move-to-end"},
                                        {"\\e[3~", "ed-delete-next-char"}})
      ::el_set(editor_, EL_BIND, key, function, nullptr);
    // From now until the end: what is pasted while an answer is written waits as a whole, too.
    if (marks_pastes()) tell_terminal(kAskForMarks);
  }
  ~EditingReader() override {
    if (marks_pastes()) tell_terminal(kAskForNone);
    ::el_end(editor_);
    ::history_end(history_);
  }
  EditingReader(const EditingReader&) = delete;
  EditingReader& operator=(const EditingReader&) = delete;

  LineEnd read(const std::string& prompt, std::string& line) override {
    prompt_ = prompt;
    signal_ = 0;
    line.clear();
    // Before the prompt is seen, not after, as the editor would: a key typed in between would be lost.
    ::el_set(editor_, EL_PREP_TERM, 1);
    int count = 0;
    const char* text = ::el_gets(editor_, &count);
    if (signal_ != 0) {
      std::fputs(signal_ == SIGINT ? "^C\n" : "\n", stdout);
      std::fflush(stdout);
      return signal_ == SIGTERM ? LineEnd::kEnd : LineEnd::kInterrupted;
    }
    if (text == nullptr || count <= 0) {
      std::fputs("\n", stdout);
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

  // The next byte that was typed: 1, or 0 at the end of input, or -1 after a signal.
  int next_byte(char& byte) {
    while (true) {
      if (interrupts_.wait_for_either(STDIN_FILENO)) {
        signal_ = interrupts_.take();
        errno = EINTR;
        return -1;
      }
      const ssize_t count = ::read(STDIN_FILENO, &byte, 1);
      if (count < 0 && errno == EINTR) continue;
      return count <= 0 ? 0 : 1;
    }
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
      std::fprintf(stderr, "\r\na pasted text of more than %zu bytes is not taken\r\n", kLineBytesMax);
      return CC_REDISPLAY;
    }
    if (!text.empty() && ::el_insertstr(editor, text.c_str()) < 0) return CC_ERROR;
    return CC_REFRESH;
  }

  // One character for the editor: 1, or 0 at the end of input, or -1 after a signal.
  static int next_character(EditLine* editor, wchar_t* out) {
    EditingReader& reader = self(editor);
    std::mbstate_t state{};
    while (true) {
      char byte = 0;
      if (const int got = reader.next_byte(byte); got <= 0) return got;
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
  History* history_ = nullptr;
  EditLine* editor_ = nullptr;
  std::string prompt_;
  int signal_ = 0;
};

}  // namespace

std::unique_ptr<LineReader> make_line_reader(Interrupts& interrupts, bool terminal) {
  if (terminal) return std::make_unique<EditingReader>(interrupts);
  return std::make_unique<PlainReader>(interrupts);
}

}  // namespace gantry::cli
