// A GGUF file (v2, v3; one file or the parts of a split) opened read-only by mmap: metadata, tensor table,
// tensor bytes. Nothing is copied; the views live as long as the GgufFile. Every offset, count and length in
// the file is checked before use; an Error (kBadFile, kUnsupported, kNotFound, kIo) names file, field and
// byte offset. Source: the GGUF specification of the ggml project. Thread-safe once opened.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "quant/dtype.h"

namespace gantry::gguf {

// What is refused as nonsense, whatever the file's size; real models stay far below.
inline constexpr uint64_t kMaxKeys = 1u << 16;
inline constexpr uint64_t kMaxTensors = 1u << 20;
inline constexpr uint64_t kMaxKeyBytes = 65535;                   // the specification's own limit
inline constexpr uint64_t kMaxTensorNameBytes = 4096;             // converters stay under 64
inline constexpr uint64_t kMaxStringBytes = uint64_t{64} << 20;   // a value, an element of an array
inline constexpr uint64_t kMaxArrayStrings = uint64_t{16} << 20;  // each has a view in memory
inline constexpr uint32_t kMaxArrayDepth = 4;  // an array of numbers or strings has depth 1
inline constexpr uint32_t kMaxDims = 4;
inline constexpr uint64_t kMinAlignment = 8, kMaxAlignment = 1u << 20;
inline constexpr uint64_t kDefaultAlignment = 32;

enum class ValueType : uint8_t {
  kU8 = 0,
  kI8 = 1,
  kU16 = 2,
  kI16 = 3,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kU64 = 10,
  kI64 = 11,
  kF64 = 12,
};
const char* name_of(ValueType type);

// An array in place: fixed-size elements as raw little-endian bytes (not aligned), strings by an index built
// at open. The elements of an array of arrays are one opaque run of bytes, checked and at most kMaxArrayDepth
// deep.
struct Array {
  ValueType element = ValueType::kU8;
  uint64_t count = 0;
  std::span<const std::byte> bytes;       // fixed-size elements (and nested arrays): where they lie
  std::vector<std::string_view> strings;  // element == kString

  // Element i as a number; the caller has checked that the element type is one (Metadata's getters do).
  int64_t as_int(uint64_t i) const;
  double as_double(uint64_t i) const;
};

struct Value {
  ValueType type = ValueType::kU8;
  uint64_t bits = 0;        // integers and bool, sign-extended; f32 and f64 as the bits of a double
  std::string_view string;  // kString
  Array array;              // kArray

  std::string to_string(size_t max_items = 8) const;  // for people
};

struct KeyValue {
  std::string_view key;
  Value value;
};

// All getters: absent key -> nullopt (or Error kBadFile naming the key, for the need_ forms); a value of
// another kind -> Error kBadFile naming key, found and wanted type. Integer getters take any integer type
// whose value fits.
class Metadata {
 public:
  Metadata() = default;
  explicit Metadata(std::vector<KeyValue> entries, std::string where);

  std::span<const KeyValue> entries() const { return entries_; }  // in the file's order
  const Value* find(std::string_view key) const;
  const std::string& where() const { return where_; }  // the file's name, for errors

  std::optional<uint64_t> get_uint(std::string_view key) const;
  std::optional<int64_t> get_int(std::string_view key) const;
  std::optional<double> get_float(std::string_view key) const;  // integers are taken too
  std::optional<bool> get_bool(std::string_view key) const;
  std::optional<std::string_view> get_string(std::string_view key) const;
  const Array* get_array(std::string_view key) const;                     // nullptr when absent
  const Array* get_array(std::string_view key, ValueType element) const;  // and of this element type

  uint64_t need_uint(std::string_view key) const;
  double need_float(std::string_view key) const;
  std::string_view need_string(std::string_view key) const;
  const Array& need_array(std::string_view key, ValueType element) const;

 private:
  std::vector<KeyValue> entries_;
  std::vector<uint32_t> by_key_;  // indices into entries_, sorted by key
  std::string where_;
};

// Dimensions as GGUF orders them: shape[0] is the row length (fastest), shape[1] the number of rows, ...
struct TensorInfo {
  std::string_view name;
  std::vector<uint64_t> shape;  // 1 to 4 entries
  uint32_t type_id = 0;         // GGUF's; a type this build does not know has dtype nullopt and bytes 0
  std::optional<quant::Dtype> dtype;
  uint32_t part = 0;    // which file of a split
  uint64_t offset = 0;  // from the start of that file
  uint64_t bytes = 0;
  uint64_t values() const;
};

struct OpenOptions {
  // false: tensors may lie beyond the end (a file still being downloaded, a vocabulary)
  bool check_tensor_data = true;
  // true: a part of a split stands for itself, with its own metadata and tensors; the others are not looked
  // for
  bool single_part = false;
};

class GgufFile {
 public:
  // `path`: the file, or any part of a split (NAME-00001-of-0000N.gguf); the other parts are found beside it
  // by name. The metadata of a split is the first part's.
  static std::unique_ptr<GgufFile> open(const std::string& path, const OpenOptions& options = {});
  // The same checks over bytes in memory (tests, fuzzing); `name` stands for the path in errors. A part of a
  // split needs single_part.
  static std::unique_ptr<GgufFile> parse(std::span<const std::byte> bytes, const std::string& name,
                                         const OpenOptions& options = {});
  virtual ~GgufFile() = default;

  virtual const std::string& path() const = 0;  // of a split: the first part's
  virtual uint32_t version() const = 0;
  virtual uint64_t file_bytes() const = 0;  // all parts
  virtual const Metadata& metadata() const = 0;
  virtual std::span<const TensorInfo> tensors() const = 0;
  virtual const TensorInfo* find_tensor(std::string_view name) const = 0;
  // Error kUnsupported for a type this build does not know, kBadFile where the file ends before the tensor
  // does (only with check_tensor_data false).
  virtual std::span<const std::byte> data(const TensorInfo& tensor) const = 0;
  // Bytes of the file that will not be read again soon: their pages may leave this process's memory. Reading
  // them all the same reads the file again. Not in the file: nothing happens.
  virtual void release(std::span<const std::byte> bytes) const = 0;
  // What was read of a file that somebody makes shorter meanwhile is zeros, not its bytes. Error kIo naming
  // file and byte unless all that was read so far is good: to be asked before it is used for good.
  virtual void check() const = 0;
  // The parts' paths and their mapped bytes, in order; TensorInfo::part and ::offset count in these.
  virtual size_t parts() const = 0;
  virtual const std::string& part_path(size_t part) const = 0;
  virtual std::span<const std::byte> part_bytes(size_t part) const = 0;
};

// What `read` makes of the file, and check(): where the file was cut short, that is the Error, whatever
// `read` found in the zeros.
template <typename Read>
auto read_whole(const GgufFile& file, Read read) {
  try {
    auto out = read();
    file.check();
    return out;
  } catch (...) {
    file.check();
    throw;
  }
}

}  // namespace gantry::gguf
