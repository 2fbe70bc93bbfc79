#include "cli/terminal.h"

#include <algorithm>
#include <array>
#include <clocale>
#include <cstdint>
#include <cstring>

#include <fmt/format.h>
#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/output.h"

namespace gantry::cli {

bool is_terminal(int fd) { return ::isatty(fd) == 1; }

size_t terminal_columns(int fd) {
  struct winsize size {};
  return ::ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

void use_utf8_locale() {
  std::setlocale(LC_CTYPE, "");
  if (std::strcmp(::nl_langinfo(CODESET), "UTF-8") != 0) std::setlocale(LC_CTYPE, "C.UTF-8");
}

std::string describe(const Error& error) {
  std::string text = fmt::format("error: {}\n", error.message());
  if (!error.where().empty()) text += fmt::format("where: {}\n", error.where());
  if (!error.mend().empty()) text += fmt::format("hint:  {}\n", error.mend());
  return text;
}

std::string harmless(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool c0 = byte < 0x20 && byte != '\n' && byte != '\t';
    if (c0 || byte == 0x7f) {
      const unsigned picture = byte == 0x7f ? 0x21 : byte;  // U+2400 + picture
      out += "\xe2\x90";
      out += static_cast<char>(0x80 + picture);
    } else if (byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0) {
      out += "\xef\xbf\xbd";
      ++i;
    } else {
      out += text[i];
    }
  }
  return out;
}

void AnswerWriter::write(std::string_view text, bool reasoning) {
  if (reasoning && !reasons_ && terminal_) std::fputs("\x1b[2m", out_);
  if (!reasoning) leave_reasoning();
  reasons_ = reasoning;
  if (terminal_) {
    show(text);
    return;
  }
  std::FILE* const to = reasoning ? aside_ : out_;
  put(to, text);
  std::fflush(to);
}

void AnswerWriter::show(std::string_view text) {
  // CR LF is one line end; any other CR would steer.
  std::string lines = returned_ ? "\r" : "";
  lines += text;
  returned_ = lines.ends_with('\r');
  if (returned_) lines.pop_back();
  for (size_t at = 0; (at = lines.find("\r\n", at)) != std::string::npos;) lines.erase(at, 1);
  wrap_.set_columns(terminal_columns(::fileno(out_)));
  put(out_, wrap_.add(harmless(lines)));
  std::fflush(out_);
}

void AnswerWriter::leave_reasoning() {
  if (!reasons_) return;
  reasons_ = false;
  if (terminal_) put(out_, wrap_.end());
  std::fputs(terminal_ ? "\x1b[0m\n\n" : "\n", terminal_ ? out_ : aside_);
  std::fflush(terminal_ ? out_ : aside_);
}

void AnswerWriter::end() {
  leave_reasoning();
  if (terminal_) put(out_, wrap_.end());
  std::fputs("\n", out_);
  std::fflush(out_);
}

std::string human_count(uint64_t count) {
  constexpr std::array kSteps = {"", " thousand", " million", " billion", " trillion", " quadrillion"};
  double value = static_cast<double>(count);
  size_t step = 0;
  for (; value >= 1000 && step + 1 < kSteps.size(); ++step) value /= 1000;
  return fmt::format("{:.{}f}{}", value, step > 0 && value < 9.95 ? 1 : 0, kSteps.at(step));
}

void ProgressLine::update(std::string_view stage, double fraction) {
  const int percent = static_cast<int>(std::clamp(fraction, 0.0, 1.0) * 100);
  if (stage == stage_ && percent == shown_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now < speaks_from_ || (!terminal_ && stage == stage_ && now < said_ + kProgressPause)) return;
  stage_ = stage;
  shown_ = percent;
  said_ = now;
  if (terminal_) {
    put(out_, fmt::format("\r\x1b[K{}: {} {} %", work_, stage, percent));
  } else {
    put(out_, fmt::format("{}: {} {} %\n", work_, stage, percent));
  }
  std::fflush(out_);
}

void ProgressLine::clear() {
  if (terminal_ && shown_ >= 0) {
    put(out_, "\r\x1b[K");
    std::fflush(out_);
  }
  shown_ = -1;
}

}  // namespace gantry::cli
