#include "gguf/writer.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/error.h"
#include "gguf/cursor.h"
#include "gguf/element.h"
#include "os/file.h"

namespace gantry::gguf {
namespace {

constexpr uint32_t kVersion = 3;

void put_bytes(std::vector<std::byte>& out, std::span<const std::byte> bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

template <typename T>
void put(std::vector<std::byte>& out, T value) {
  put_bytes(out, std::as_bytes(std::span(&value, 1)));
}

void put_type(std::vector<std::byte>& out, ValueType type) { put(out, static_cast<uint32_t>(type)); }

void put_string(std::vector<std::byte>& out, std::string_view text) {
  put<uint64_t>(out, text.size());
  put_bytes(out, std::as_bytes(std::span(text)));
}

// Little-endian: the low bytes of the sign-extended bits are the value in any integer type.
void put_scalar(std::vector<std::byte>& out, const Value& value) {
  if (value.type == ValueType::kF32) return put(out, static_cast<float>(std::bit_cast<double>(value.bits)));
  put_bytes(out, std::as_bytes(std::span(&value.bits, 1)).first(element_bytes(value.type)));
}

void put_array(std::vector<std::byte>& out, const Array& array) {
  put_type(out, array.element);
  put(out, array.count);
  if (array.element == ValueType::kString)
    for (const std::string_view text : array.strings) put_string(out, text);
  else
    put_bytes(out, array.bytes);
}

template <typename T>
Array array_of(ValueType element, std::span<const T> values) {
  Array out;
  out.element = element;
  out.count = values.size();
  out.bytes = std::as_bytes(values);
  return out;
}

}  // namespace

void Writer::set_alignment(uint32_t alignment) {
  GANTRY_CHECK(std::has_single_bit(alignment));
  GANTRY_CHECK(alignment >= kMinAlignment && alignment <= kMaxAlignment);
  alignment_ = alignment;
}

void Writer::add_uint(std::string_view key, uint32_t value) {
  add_value(key, scalar(ValueType::kU32, value));
}
void Writer::add_uint64(std::string_view key, uint64_t value) {
  add_value(key, scalar(ValueType::kU64, value));
}
void Writer::add_int(std::string_view key, int32_t value) {
  add_value(key, scalar(ValueType::kI32, static_cast<uint64_t>(int64_t{value})));
}
void Writer::add_float(std::string_view key, float value) {
  add_value(key, scalar(ValueType::kF32, std::bit_cast<uint64_t>(static_cast<double>(value))));
}
void Writer::add_bool(std::string_view key, bool value) {
  add_value(key, scalar(ValueType::kBool, value ? 1 : 0));
}

void Writer::add_string(std::string_view key, std::string_view value) {
  Value out;
  out.type = ValueType::kString;
  out.string = value;
  add_value(key, out);
}

void Writer::add_strings(std::string_view key, std::span<const std::string> values) {
  Value out;
  out.type = ValueType::kArray;
  out.array.element = ValueType::kString;
  out.array.count = values.size();
  out.array.strings.assign(values.begin(), values.end());
  add_value(key, out);
}

void Writer::add_floats(std::string_view key, std::span<const float> values) {
  Value out;
  out.type = ValueType::kArray;
  out.array = array_of(ValueType::kF32, values);
  add_value(key, out);
}

void Writer::add_ints(std::string_view key, std::span<const int32_t> values) {
  Value out;
  out.type = ValueType::kArray;
  out.array = array_of(ValueType::kI32, values);
  add_value(key, out);
}

void Writer::add_value(std::string_view key, const Value& value) {
  if (key == kAlignmentKey) return set_alignment(static_cast<uint32_t>(value.bits));
  if (!keys_.insert(std::string(key)).second)
    throw Error(ErrorCode::kInternal, fmt::format("metadata {} is written twice", quoted(key)));
  put_string(metadata_, key);
  put_type(metadata_, value.type);
  if (value.type == ValueType::kString)
    put_string(metadata_, value.string);
  else if (value.type == ValueType::kArray)
    put_array(metadata_, value.array);
  else
    put_scalar(metadata_, value);
}

void Writer::add_tensor(std::string_view name, std::vector<uint64_t> shape, quant::Dtype dtype,
                        Source source) {
  const quant::DtypeFacts& facts = quant::facts(dtype);
  GANTRY_CHECK(!shape.empty() && shape.size() <= kMaxDims);
  if (shape[0] % facts.block_values != 0)
    throw Error(ErrorCode::kUnsupported,
                fmt::format("tensor {}: rows of {} values are not whole blocks of {} ({} values)",
                            quoted(name), shape[0], facts.name, facts.block_values),
                "", "give the tensor a type of smaller blocks");
  uint64_t blocks = shape[0] / facts.block_values;
  for (size_t d = 1; d < shape.size(); ++d) {
    const auto product = checked_mul(blocks, shape[d]);
    GANTRY_CHECK(product.has_value());
    blocks = *product;
  }
  GANTRY_CHECK(blocks > 0);
  const auto bytes = checked_mul(blocks, facts.block_bytes);
  GANTRY_CHECK(bytes.has_value());
  if (!names_.insert(std::string(name)).second)
    throw Error(ErrorCode::kInternal, fmt::format("tensor {} is written twice", quoted(name)));
  tensors_.push_back({std::string(name), std::move(shape), dtype, *bytes, std::move(source)});
}

void Writer::add_tensor(std::string_view name, std::vector<uint64_t> shape, quant::Dtype dtype,
                        std::span<const std::byte> bytes) {
  add_tensor(name, std::move(shape), dtype,
             [copy = std::vector<std::byte>(bytes.begin(), bytes.end())](std::span<std::byte> out) {
               std::copy(copy.begin(), copy.end(), out.begin());
             });
  GANTRY_CHECK_EQ(tensors_.back().bytes, bytes.size());
}

std::vector<std::byte> Writer::header() const {
  const bool own_alignment = alignment_ != kDefaultAlignment;
  std::vector<std::byte> out;
  put_bytes(out, std::as_bytes(std::span(std::string_view("GGUF"))));
  put(out, kVersion);
  put<uint64_t>(out, tensors_.size());
  put<uint64_t>(out, keys_.size() + (own_alignment ? 1 : 0));
  if (own_alignment) {
    put_string(out, kAlignmentKey);
    put_type(out, ValueType::kU32);
    put(out, alignment_);
  }
  put_bytes(out, metadata_);
  uint64_t offset = 0;
  for (const Tensor& tensor : tensors_) {
    put_string(out, tensor.name);
    put(out, static_cast<uint32_t>(tensor.shape.size()));
    for (const uint64_t extent : tensor.shape) put(out, extent);
    put(out, static_cast<uint32_t>(tensor.dtype));
    put(out, offset);
    offset = align_up(offset + tensor.bytes, alignment_);
  }
  if (!tensors_.empty()) out.resize(align_up(out.size(), alignment_));
  return out;
}

// The whole file, piece by piece. The last tensor is padded too, as readers that map whole runs expect.
void Writer::stream(const std::function<void(std::span<const std::byte>)>& sink) const {
  sink(header());
  std::vector<std::byte> buffer;
  for (const Tensor& tensor : tensors_) {
    buffer.assign(align_up(tensor.bytes, alignment_), std::byte{0});
    tensor.source(std::span(buffer).first(tensor.bytes));
    sink(buffer);
  }
}

std::vector<std::byte> Writer::to_bytes() const {
  std::vector<std::byte> out;
  stream([&out](std::span<const std::byte> bytes) { put_bytes(out, bytes); });
  return out;
}

void Writer::write(const std::string& path, const std::function<void()>& between) const {
  os::write_file_atomically(path, [&](os::FileSink& sink) {
    stream([&](std::span<const std::byte> bytes) {
      while (!bytes.empty()) {
        between();
        const size_t count = std::min(bytes.size(), kWritePieceBytes);
        sink.write(bytes.first(count));
        bytes = bytes.subspan(count);
      }
    });
    between();
  });
}

}  // namespace gantry::gguf
