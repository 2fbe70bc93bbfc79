#include "gguf/testing.h"

#include <array>
#include <bit>
#include <cstring>
#include <string>

#include "base/error.h"
#include "gguf/element.h"
#include "gguf/writer.h"

namespace gantry::gguf {
namespace {

template <typename T>
Value array(ValueType element, const std::vector<T>& values) {
  Value out;
  out.type = ValueType::kArray;
  out.array.element = element;
  out.array.count = values.size();
  out.array.bytes = std::as_bytes(std::span(values));
  return out;
}

void add_every_type(Writer& writer) {
  writer.add_value("t.u8", scalar(ValueType::kU8, 200));
  writer.add_value("t.i8", scalar(ValueType::kI8, static_cast<uint64_t>(int64_t{-7})));
  writer.add_value("t.u16", scalar(ValueType::kU16, 60000));
  writer.add_value("t.i16", scalar(ValueType::kI16, static_cast<uint64_t>(int64_t{-30000})));
  writer.add_uint("t.u32", 4000000000u);
  writer.add_int("t.i32", -5);
  writer.add_uint64("t.u64", ~uint64_t{0});
  writer.add_value("t.i64", scalar(ValueType::kI64, uint64_t{1} << 63));
  writer.add_float("t.f32", 1e-5f);
  writer.add_value("t.f64", scalar(ValueType::kF64, std::bit_cast<uint64_t>(0.1)));
  writer.add_bool("t.bool", true);
  writer.add_string("t.string", "Gr\xc3\xbc\xc3\x9f\x65");
  writer.add_string("t.empty", "");
  writer.add_value("a.u8", array<uint8_t>(ValueType::kU8, {1, 2, 255}));
  writer.add_value("a.i16", array<int16_t>(ValueType::kI16, {-1, 2}));
  writer.add_ints("a.i32", std::array<int32_t, 3>{-1, 0, 1});
  writer.add_value("a.i64", array<int64_t>(ValueType::kI64, {-1, 1}));
  writer.add_value("a.u64", array<uint64_t>(ValueType::kU64, {~uint64_t{0}}));
  writer.add_floats("a.f32", std::array<float, 2>{0.5f, -2.0f});
  writer.add_value("a.f64", array<double>(ValueType::kF64, {0.25}));
  writer.add_value("a.bool", array<uint8_t>(ValueType::kBool, {0, 1, 1}));
  writer.add_strings("a.string", std::array<std::string, 3>{"a", "", "\xe2\x96\x81the"});
  writer.add_ints("a.none", {});
  // [[1, 2], ["x"]]: type, count and elements of each inner array.
  const std::vector<uint32_t> inner = {4, 2, 0, 1, 2, 8, 1, 0, 1, 0};
  std::vector<std::byte> bytes(inner.size() * 4 + 1, std::byte{'x'});
  std::memcpy(bytes.data(), inner.data(), inner.size() * 4);
  Value nested = array(ValueType::kArray, bytes);
  nested.array.count = 2;
  writer.add_value("a.nested", nested);
}

}  // namespace

std::vector<std::byte> make_sample_file() {
  Writer writer;
  writer.add_string("general.architecture", "sample");
  add_every_type(writer);
  const auto pattern = [](std::span<std::byte> out) {
    for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::byte>(i * 7);
  };
  writer.add_tensor("one", {3}, quant::Dtype::kF32, pattern);
  writer.add_tensor("two", {32, 3}, quant::Dtype::kQ8_0, pattern);
  writer.add_tensor("three", {256, 1, 2}, quant::Dtype::kQ6_K, pattern);
  writer.add_tensor("four", {2, 2, 2, 2}, quant::Dtype::kI64, pattern);
  return writer.to_bytes();
}

uint64_t touch_everything(const GgufFile& file) {
  uint64_t sum = file.version() + file.file_bytes() + file.path().size();
  const Metadata& metadata = file.metadata();
  for (const KeyValue& entry : metadata.entries()) {
    sum += entry.value.to_string().size();
    if (metadata.find(entry.key) != &entry.value)
      throw Error(ErrorCode::kInternal, "a key is not found again");
    const Array& array = entry.value.array;
    for (const std::string_view text : array.strings)
      for (const char c : text) sum += static_cast<unsigned char>(c);
    for (const std::byte byte : array.bytes) sum += std::to_integer<uint64_t>(byte);
    if (entry.value.type == ValueType::kArray && element_bytes(array.element) != 0)
      for (uint64_t i = 0; i < array.count; ++i) sum += array.as_double(i) > 0 ? uint64_t{1} : uint64_t{0};
  }
  for (const TensorInfo& tensor : file.tensors()) {
    sum += tensor.values() + tensor.bytes;
    if (file.find_tensor(tensor.name) != &tensor)
      throw Error(ErrorCode::kInternal, "a tensor is not found again");
    try {
      for (const std::byte byte : file.data(tensor)) sum += std::to_integer<uint64_t>(byte);
    } catch (const Error&) {
      sum += 1;  // a type without decoder, or data beyond the end where that was allowed
    }
  }
  return sum;
}

}  // namespace gantry::gguf
