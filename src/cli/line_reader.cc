#include "cli/line_reader.h"

#include <csignal>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/error.h"
#include "cli/editing_reader.h"
#include "text/utf8.h"

namespace gantry::cli {
namespace {

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
      if (interrupts_.wait_for_either(STDIN_FILENO) == Interrupts::Woken::kSignal) {
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
    if (line.ends_with('\r')) line.pop_back();
    if (!std::exchange(begun_, true)) line.erase(0, line.size() - text::without_mark(line).size());
    return LineEnd::kLine;
  }

  Interrupts& interrupts_;
  std::string buffer_;
  bool begun_ = false;
};

}  // namespace

void refuse_long_line() {
  throw Error(ErrorCode::kTooLarge, fmt::format("the line is longer than {}", human_bytes(kLineBytesMax)),
              "standard input");
}

std::unique_ptr<LineReader> make_line_reader(Interrupts& interrupts, bool terminal, LineOptions options) {
  if (terminal) return make_editing_reader(interrupts, std::move(options));
  return std::make_unique<PlainReader>(interrupts);
}

}  // namespace gantry::cli
