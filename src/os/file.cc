#include "os/file.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/temporary.h"

namespace gantry::os {
namespace {

constexpr size_t kSinkBytes = size_t{1} << 20;  // gathered before a write call
constexpr size_t kReadBytes = size_t{1} << 20;  // first step of a read whose size is not known
constexpr size_t kPutBytes = size_t{8} << 20;   // one write call
// So much may wait for the disk while more is written, so that the flush at the end is short.
constexpr uint64_t kUnwrittenBytes = uint64_t{64} << 20;

const char* mend_for(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      return "check the path";
    case EACCES:
    case EPERM:
      return "check the permissions of the file and of the folders above it";
    case ENOSPC:
    case EDQUOT:
      return "make room on that file system";
    case EROFS:
      return "that file system is mounted read-only";
    case EMFILE:
    case ENFILE:
      return "raise the limit of open files (ulimit -n)";
    case ENOMEM:
      return "free memory, or raise the limit of mapped memory (ulimit -v, vm.max_map_count)";
    case EIO:
      return "the disk reports an error: see the kernel's log";
    default:
      return "";
  }
}

class DescriptorSink final : public FileSink {
 public:
  DescriptorSink(int fd, const std::string& path) : fd_(fd), path_(path) { buffer_.reserve(kSinkBytes); }

  using FileSink::write;
  void write(std::span<const std::byte> bytes) override {
    written_ += bytes.size();
    if (buffer_.size() + bytes.size() > kSinkBytes) flush();
    if (bytes.size() >= kSinkBytes) return put(bytes);
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  }
  uint64_t written() const override { return written_; }

  void flush() {
    put(buffer_);
    buffer_.clear();
  }

 private:
  void put(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::write(fd_, bytes.data(), std::min(bytes.size(), kPutBytes));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) throw file_error("write", path_, errno);
      bytes = bytes.subspan(static_cast<size_t>(count));
      put_ += static_cast<uint64_t>(count);
      if (put_ - begun_ >= kUnwrittenBytes) begin_flush();
    }
  }

  // What was begun before is waited for. Only a hint: the flush at the end says what failed.
  void begin_flush() {
    const auto offset = [](uint64_t at) { return static_cast<off_t>(at); };
    (void)::sync_file_range(fd_, offset(flushed_), offset(begun_ - flushed_), SYNC_FILE_RANGE_WAIT_BEFORE);
    (void)::sync_file_range(fd_, offset(begun_), offset(put_ - begun_), SYNC_FILE_RANGE_WRITE);
    flushed_ = std::exchange(begun_, put_);
  }

  int fd_;
  const std::string& path_;
  std::vector<std::byte> buffer_;
  uint64_t written_ = 0;
  uint64_t put_ = 0, begun_ = 0, flushed_ = 0;  // written to the system, on its way to the disk, there
};

void sync_folder_of(const std::string& path) {
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  const std::string folder = parent.empty() ? std::string(1, '.') : parent.string();
  const Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0) throw file_error("open the folder", folder, errno);
  // Some file systems cannot flush a folder and say EINVAL; there is nothing more to be done on them.
  if (::fsync(fd.get()) != 0 && errno != EINVAL) throw file_error("flush the folder", folder, errno);
}

// Where a write to `path` really goes: the end of a chain of links, or `path` itself.
std::string resolved(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_symlink(path, error)) return path;
  const std::filesystem::path end = std::filesystem::weakly_canonical(path, error);
  return error ? path : end.string();
}

}  // namespace

Error file_error(const char* verb, const std::string& path, int error_number) {
  const bool absent = error_number == ENOENT || error_number == ENOTDIR;
  return Error(absent ? ErrorCode::kNotFound : ErrorCode::kIo,
               fmt::format("cannot {} it: {}", verb, std::generic_category().message(error_number)), path,
               mend_for(error_number));
}

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = other.release();
  }
  return *this;
}

int Fd::release() { return std::exchange(fd_, -1); }

void Fd::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

Fd open_to_read(const std::string& path, uint64_t* size) {
  // Without O_NONBLOCK, opening a pipe would wait for a writer before it could be refused.
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0) throw file_error("open", path, errno);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) throw file_error("look at", path, errno);
  if (S_ISDIR(status.st_mode))
    throw Error(ErrorCode::kIo, "it is a folder, not a file", path, "name a file in it");
  if (!S_ISREG(status.st_mode)) throw Error(ErrorCode::kIo, "it is not a regular file", path);
  *size = static_cast<uint64_t>(status.st_size);
  return fd;
}

std::string read_file(const std::string& path, uint64_t limit_bytes) {
  uint64_t size = 0;
  const Fd fd = open_to_read(path, &size);
  const auto too_large = [&](uint64_t bytes) {
    return Error(ErrorCode::kTooLarge, fmt::format("it has {} bytes, the limit is {}", bytes, limit_bytes),
                 path);
  };
  if (size > limit_bytes) throw too_large(size);
  std::string out;
  // Files of /proc and /sys say size 0 and have bytes nevertheless, so the end is where read says it is.
  size_t step = size > 0 ? static_cast<size_t>(size) + 1 : kReadBytes;
  for (;;) {
    const size_t had = out.size();
    out.resize(had + step);
    const ssize_t count = ::read(fd.get(), out.data() + had, step);
    if (count < 0 && errno != EINTR) throw file_error("read", path, errno);
    out.resize(had + static_cast<size_t>(std::max<ssize_t>(count, 0)));
    if (count == 0) return out;
    if (out.size() > limit_bytes) throw too_large(out.size());
    step = kReadBytes;
  }
}

void write_file_atomically(const std::string& path, const std::function<void(FileSink&)>& writer) {
  const std::string target = resolved(path);
  struct stat status {};
  const bool stands = ::stat(target.c_str(), &status) == 0;
  if (stands && !S_ISREG(status.st_mode))
    throw Error(ErrorCode::kIo, "there is something that is not a file", path);
  Temporary temporary(target);
  // Not being allowed to keep the mode is no reason not to write.
  if (stands) (void)!::fchmod(temporary.fd(), status.st_mode & 07777);
  DescriptorSink sink(temporary.fd(), target);
  writer(sink);
  sink.flush();
  temporary.sync();
  temporary.rename_to(target);
  sync_folder_of(target);
}

void write_file_or_device(const std::string& path, const std::function<void(FileSink&)>& writer) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode) || S_ISDIR(status.st_mode))
    return write_file_atomically(path, writer);
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (fd.get() < 0) throw file_error("open", path, errno);
  DescriptorSink sink(fd.get(), path);
  writer(sink);
  sink.flush();
}

void write_file_atomically(const std::string& path, std::string_view text) {
  write_file_atomically(path, [text](FileSink& sink) { sink.write(text); });
}

}  // namespace gantry::os
