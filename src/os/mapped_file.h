// A file mapped read-only into memory. The bytes live as long as the object; they are shared with the page
// cache. Any thread. A file that is replaced by rename leaves the old bytes mapped. One that is made shorter
// while it is mapped reads as zeros from there on: who has read asks check() before it is believed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "os/file.h"
#include "os/mapping_faults.h"

namespace gantry::os {

enum class Advice : uint8_t { kNormal, kSequential, kRandom, kWillNeed, kDontNeed };

class MappedFile {
 public:
  MappedFile() = default;
  // Error kNotFound or kIo with the operating system's words. An empty file is an empty span.
  static MappedFile open(const std::string& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  uint64_t size() const { return size_; }
  const std::string& path() const { return path_; }

  // Error kIo naming the byte unless all that was read so far was the file's: it has become shorter since it
  // was opened, or a page of it could not be read.
  void check() const;

  // Tells the kernel what will be read (all of it, or the pages that hold [offset, offset + bytes), clipped
  // to the file). A hint: failing is not an error.
  void advise(Advice advice) const;
  void advise(Advice advice, uint64_t offset, uint64_t bytes) const;

 private:
  void unmap();

  std::string path_;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
  Fd fd_;
  WatchedMapping watched_;
};

}  // namespace gantry::os
