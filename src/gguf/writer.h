// Writes GGUF v3 files: metadata, then tensors, aligned. Used by quantize, the recipes and the tests. Not
// thread-safe; needs memory for the header and one tensor. A key or a tensor added twice: Error kInternal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/gguf.h"

namespace gantry::gguf {

inline constexpr size_t kWritePieceBytes = size_t{16} << 20;

class Writer {
 public:
  void set_alignment(uint32_t alignment);  // a power of two, at least 8; default 32
  void add_uint(std::string_view key, uint32_t value);
  void add_uint64(std::string_view key, uint64_t value);
  void add_int(std::string_view key, int32_t value);
  void add_float(std::string_view key, float value);
  void add_bool(std::string_view key, bool value);
  void add_string(std::string_view key, std::string_view value);
  void add_strings(std::string_view key, std::span<const std::string> values);
  void add_floats(std::string_view key, std::span<const float> values);
  void add_ints(std::string_view key, std::span<const int32_t> values);
  // Copies an entry of another file, array or not. `general.alignment` becomes set_alignment.
  void add_value(std::string_view key, const Value& value);

  // Shape in GGUF's order: shape[0] is the row length, which must be whole blocks of the type (otherwise
  // Error kUnsupported). The bytes are asked for while writing, so that a large model streams through; the
  // other form copies them at once.
  using Source = std::function<void(std::span<std::byte> out)>;
  void add_tensor(std::string_view name, std::vector<uint64_t> shape, quant::Dtype dtype, Source source);
  void add_tensor(std::string_view name, std::vector<uint64_t> shape, quant::Dtype dtype,
                  std::span<const std::byte> bytes);

  std::vector<std::byte> to_bytes() const;
  // Temporary file beside `path`, fsync, rename: the old file or the new one, never half.
  // `between` is called between pieces of at most kWritePieceBytes; what it throws ends the writing.
  void write(
      const std::string& path, const std::function<void()>& between = [] {}) const;

 private:
  struct Tensor {
    std::string name;
    std::vector<uint64_t> shape;
    quant::Dtype dtype;
    uint64_t bytes;
    Source source;
  };
  std::vector<std::byte> header() const;
  void stream(const std::function<void(std::span<const std::byte>)>& sink) const;

  uint32_t alignment_ = kDefaultAlignment;
  std::vector<std::byte> metadata_;  // the entries as they will lie in the file
  std::vector<Tensor> tensors_;
  std::set<std::string> keys_, names_;
};

}  // namespace gantry::gguf
