#include "os/mapped_file.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gantry::os {
namespace {

int kernel_word(Advice advice) {
  switch (advice) {
    case Advice::kNormal:
      return MADV_NORMAL;
    case Advice::kSequential:
      return MADV_SEQUENTIAL;
    case Advice::kRandom:
      return MADV_RANDOM;
    case Advice::kWillNeed:
      return MADV_WILLNEED;
    case Advice::kDontNeed:
      return MADV_DONTNEED;
  }
  return MADV_NORMAL;
}

}  // namespace

MappedFile MappedFile::open(const std::string& path) {
  uint64_t size = 0;
  MappedFile file;
  file.fd_ = open_to_read(path, &size);
  file.path_ = path;
  if (size == 0) return file;  // mmap refuses length 0
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.fd_.get(), 0);
  if (data == MAP_FAILED) throw file_error("map", path, errno);
  file.data_ = static_cast<const std::byte*>(data);
  file.size_ = size;
  file.watched_ = WatchedMapping(data, size);
  return file;
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      fd_(std::move(other.fd_)),
      watched_(std::move(other.watched_)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  if (this != &other) {
    unmap();
    path_ = std::move(other.path_);
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    fd_ = std::move(other.fd_);
    watched_ = std::move(other.watched_);
  }
  return *this;
}

MappedFile::~MappedFile() { unmap(); }

void MappedFile::unmap() {
  watched_ = {};  // before another mapping can have the place
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
  data_ = nullptr;
  size_ = 0;
}

void MappedFile::check() const {
  struct stat status {};
  // The rest of the last page reads as zeros without a fault, so the size is asked for as well.
  const bool known = fd_.get() >= 0 && ::fstat(fd_.get(), &status) == 0;
  if (known && static_cast<uint64_t>(status.st_size) < size_)
    throw Error(ErrorCode::kIo,
                fmt::format("it was cut off at byte {} while it was read; it had {}", status.st_size, size_),
                path_, "put a new file beside the old one and rename it, instead of writing over it");
  if (const auto at = watched_.fault())
    throw Error(ErrorCode::kIo, fmt::format("byte {} of it could not be read when it was needed", *at), path_,
                "it was written over while it was read, or the disk fails: see the kernel's log");
}

void MappedFile::advise(Advice advice) const { advise(advice, 0, size_); }

void MappedFile::advise(Advice advice, uint64_t offset, uint64_t bytes) const {
  if (offset >= size_ || bytes == 0) return;
  const auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  const uint64_t begin = offset / page * page;
  const uint64_t end = offset + std::min(bytes, size_ - offset);
  (void)::madvise(const_cast<std::byte*>(data_) + begin, end - begin, kernel_word(advice));
}

}  // namespace gantry::os
