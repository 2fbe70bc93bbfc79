#include "cli/line_reader.h"

#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <cwchar>
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
    // Search backwards as shells do; Home, End, Delete as terminals send them.
    for (const auto& [key, function] : {std::pair{"^R", "em-inc-search-prev"},
                                        {"\\e[H", "ed-move-to-beg"},
                                        {"\\e[F", "ed-move-to-end"},
                                        {"\\e[1~", "ed-move-to-beg"},
                                        {"\\e[4~", "ed-move-to-end"},
                                        {"\\e[3~", "ed-delete-next-char"}})
      ::el_set(editor_, EL_BIND, key, function, nullptr);
  }
  ~EditingReader() override {
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

  // One character for the editor: 1, or 0 at the end of input, or -1 after a signal.
  static int next_character(EditLine* editor, wchar_t* out) {
    EditingReader& reader = self(editor);
    std::mbstate_t state{};
    while (true) {
      if (reader.interrupts_.wait_for_either(STDIN_FILENO)) {
        reader.signal_ = reader.interrupts_.take();
        errno = EINTR;
        return -1;
      }
      char byte = 0;
      const ssize_t count = ::read(STDIN_FILENO, &byte, 1);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return 0;
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
