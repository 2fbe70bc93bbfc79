#include "cli/output.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/outbox.h"

namespace gantry::cli {

void put(std::FILE* to, std::string_view text) { put_text(to, text); }

void check_output() {
  errno = 0;
  const bool flushed = std::fflush(stdout) == 0;
  const int why = errno;
  if (flushed && std::ferror(stdout) == 0) return;
  throw Error(ErrorCode::kIo,
              why == 0 ? std::string("the output could not be written")
                       : std::string("the output could not be written: ") + std::strerror(why),
              "standard output");
}

void fill_standard_streams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest free number is this one. Opened for the other direction, it refuses as a closed one does.
    if (::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0) return;
  }
}

}  // namespace gantry::cli
