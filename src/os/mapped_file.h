// A file mapped read-only into memory. The bytes live as long as the object; they are shared with the page
// cache. Any thread. Must hold: nobody shortens the file while it is mapped (reading past the new end is a
// bus error); model files are replaced by rename, which leaves the old bytes mapped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

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

  // Tells the kernel what will be read (all of it, or the pages that hold [offset, offset + bytes), clipped
  // to the file). A hint: failing is not an error.
  void advise(Advice advice) const;
  void advise(Advice advice, uint64_t offset, uint64_t bytes) const;

 private:
  void unmap();

  std::string path_;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace gantry::os
