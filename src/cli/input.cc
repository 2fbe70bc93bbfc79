#include "cli/input.h"

#include <cerrno>
#include <cstring>
#include <vector>

#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/error.h"
#include "cli/output.h"
#include "os/file.h"
#include "text/utf8.h"

namespace gantry::cli {

std::string read_all_input() {
  std::string text;
  std::vector<char> bytes(size_t{1} << 16);
  while (true) {
    const ssize_t count = ::read(STDIN_FILENO, bytes.data(), bytes.size());
    if (count == 0) break;
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw Error(ErrorCode::kIo, std::strerror(errno), "standard input");
    text.append(bytes.data(), static_cast<size_t>(count));
    if (text.size() > kInputBytesMax)
      throw Error(ErrorCode::kTooLarge, fmt::format("more than {} are piped in", human_bytes(kInputBytesMax)),
                  "standard input");
  }
  text.erase(0, text.size() - text::without_mark(text).size());
  return text;
}

std::string read_text(const std::string& path, uint64_t limit_bytes) {
  if (path == "-") return read_all_input();
  std::string text = os::read_file(path, limit_bytes);
  text.erase(0, text.size() - text::without_mark(text).size());
  return text;
}

bool is_piped() {
  struct stat facts {};
  return ::fstat(STDIN_FILENO, &facts) == 0 &&
         (S_ISFIFO(facts.st_mode) || S_ISSOCK(facts.st_mode) || S_ISREG(facts.st_mode));
}

std::string read_beside_prompt() {
  constexpr int kPatienceMs = 2000;
  pollfd input{STDIN_FILENO, POLLIN, 0};
  if (::poll(&input, 1, kPatienceMs) == 0)
    note(
        "waiting for the end of standard input, which goes before the prompt; with </dev/null there is "
        "none\n");
  return read_all_input();
}

}  // namespace gantry::cli
