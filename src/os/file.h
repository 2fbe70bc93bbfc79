// Whole files: read with a limit, written so that a reader (or a power cut) sees the old one or the new one.
// Errors carry the operating system's words, the path and a mend: kNotFound where nothing is there, kTooLarge
// past a limit, kIo for the rest. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace gantry::os {

// The Error for a failed system call: "cannot `verb` it: Permission denied", where = path. `error_number` is
// errno.
Error file_error(const char* verb, const std::string& path, int error_number);

// A file descriptor that is closed once. Empty: -1.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd() { close(); }

  int get() const { return fd_; }
  int release();
  void close();  // errors of close are of no use to a reader; a writer calls fsync before

 private:
  int fd_ = -1;
};

// Opens a regular file for reading. Directories, sockets and pipes: Error kIo that says so.
Fd open_to_read(const std::string& path, uint64_t* size);

// The whole file. More than `limit_bytes`: Error kTooLarge, and nothing that large has been allocated.
std::string read_file(const std::string& path, uint64_t limit_bytes);

// Where a writer puts its bytes, in order.
class FileSink {
 public:
  virtual ~FileSink() = default;
  virtual void write(std::span<const std::byte> bytes) = 0;
  virtual uint64_t written() const = 0;
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
};

// Calls `writer` with a temporary file beside `path` (os/temporary.h), then fsync, rename over `path`, fsync
// of the folder. When anything fails (also when `writer` throws, or a signal ends the process) no temporary
// is left and `path` is as it was. A file that already stands at `path` keeps its permissions; a symbolic
// link there is followed.
void write_file_atomically(const std::string& path, const std::function<void(FileSink&)>& writer);
void write_file_atomically(const std::string& path, std::string_view text);

// The same for a path that may also name a device or a pipe, which is written as it comes.
void write_file_or_device(const std::string& path, const std::function<void(FileSink&)>& writer);

}  // namespace gantry::os
