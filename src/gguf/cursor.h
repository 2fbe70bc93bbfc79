// Inside gguf only: walks over the bytes of one file. Every read is checked; an Error names file, byte and
// field.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace gantry::gguf {

// What is being read, put into words only when something is wrong: "value of 'llama.block_count'".
struct Field {
  const char* what;
  std::string_view of = {};
};

// A name out of a file, for messages: quoted, control bytes escaped, cut when long.
std::string quoted(std::string_view name);

class Cursor {
 public:
  Cursor(std::span<const std::byte> bytes, const std::string& file) : bytes_(bytes), file_(file) {}

  uint64_t offset() const { return offset_; }
  uint64_t remaining() const { return bytes_.size() - offset_; }

  template <typename T>
  T read(const Field& field) {
    T value;
    std::memcpy(&value, take(sizeof(T), field).data(), sizeof(T));
    return value;
  }
  std::span<const std::byte> take(uint64_t count, const Field& field) {
    if (count > remaining()) too_short(count, field);
    const auto out = bytes_.subspan(offset_, count);
    offset_ += count;
    return out;
  }
  // Length (64 bits), then bytes; no more than `limit`.
  std::string_view string(uint64_t limit, const Field& field);

  // Ends in an Error whose place is byte `at`.
  [[noreturn]] void fail(const Field& field, uint64_t at, std::string what,
                         ErrorCode code = ErrorCode::kBadFile, std::string mend = kDamaged) const;

  static constexpr const char* kDamaged = "the file is damaged or incomplete: fetch or convert it again";

 private:
  [[noreturn]] void too_short(uint64_t count, const Field& field) const;

  std::span<const std::byte> bytes_;
  const std::string& file_;
  uint64_t offset_ = 0;
};

}  // namespace gantry::gguf
