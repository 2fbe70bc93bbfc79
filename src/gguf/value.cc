// Values of metadata: their names, elements and how people read them.
#include <bit>
#include <cstring>

#include <fmt/format.h>

#include "base/check.h"
#include "gguf/cursor.h"
#include "gguf/element.h"
#include "gguf/gguf.h"

namespace gantry::gguf {
namespace {

template <typename T>
T element_at(const Array& array, uint64_t i) {
  T value;
  std::memcpy(&value, array.bytes.data() + i * sizeof(T), sizeof(T));
  return value;
}

constexpr size_t kShownText = 200;

std::string shown_text(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, kShownText)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n')
      out += "\\n";
    else if (byte < 0x20 || byte == 0x7f)
      out += fmt::format("\\x{:02x}", byte);
    else
      out += c;
  }
  return text.size() > kShownText ? fmt::format("{}... ({} bytes)", out, text.size()) : out;
}

std::string shown_element(const Array& array, uint64_t i) {
  if (array.element == ValueType::kString) return "\"" + shown_text(array.strings[i]) + "\"";
  if (array.element == ValueType::kArray) return "[...]";
  if (array.element == ValueType::kF32) return fmt::format("{}", element_at<float>(array, i));
  if (array.element == ValueType::kF64) return fmt::format("{}", element_at<double>(array, i));
  if (array.element == ValueType::kBool) return array.as_int(i) != 0 ? "true" : "false";
  if (array.element == ValueType::kU64) return fmt::format("{}", element_at<uint64_t>(array, i));
  return fmt::format("{}", array.as_int(i));
}

}  // namespace

const char* name_of(ValueType type) {
  switch (type) {
    case ValueType::kU8:
      return "uint8";
    case ValueType::kI8:
      return "int8";
    case ValueType::kU16:
      return "uint16";
    case ValueType::kI16:
      return "int16";
    case ValueType::kU32:
      return "uint32";
    case ValueType::kI32:
      return "int32";
    case ValueType::kF32:
      return "float32";
    case ValueType::kBool:
      return "bool";
    case ValueType::kString:
      return "string";
    case ValueType::kArray:
      return "array";
    case ValueType::kU64:
      return "uint64";
    case ValueType::kI64:
      return "int64";
    case ValueType::kF64:
      return "float64";
  }
  return "unknown";
}

Value scalar(ValueType type, uint64_t bits) {
  Value out;
  out.type = type;
  out.bits = bits;
  return out;
}

uint64_t element_bytes(ValueType type) {
  switch (type) {
    case ValueType::kU8:
    case ValueType::kI8:
    case ValueType::kBool:
      return 1;
    case ValueType::kU16:
    case ValueType::kI16:
      return 2;
    case ValueType::kU32:
    case ValueType::kI32:
    case ValueType::kF32:
      return 4;
    case ValueType::kU64:
    case ValueType::kI64:
    case ValueType::kF64:
      return 8;
    case ValueType::kString:
    case ValueType::kArray:
      return 0;
  }
  return 0;
}

bool is_integer(ValueType type) {
  return element_bytes(type) != 0 && type != ValueType::kBool && !is_float(type);
}

bool is_float(ValueType type) { return type == ValueType::kF32 || type == ValueType::kF64; }

int64_t Array::as_int(uint64_t i) const {
  GANTRY_CHECK_LT(i, count);
  switch (element) {
    case ValueType::kU8:
    case ValueType::kBool:
      return element_at<uint8_t>(*this, i);
    case ValueType::kI8:
      return element_at<int8_t>(*this, i);
    case ValueType::kU16:
      return element_at<uint16_t>(*this, i);
    case ValueType::kI16:
      return element_at<int16_t>(*this, i);
    case ValueType::kU32:
      return element_at<uint32_t>(*this, i);
    case ValueType::kI32:
      return element_at<int32_t>(*this, i);
    case ValueType::kU64:
    case ValueType::kI64:
      return element_at<int64_t>(*this, i);
    case ValueType::kF32:
    case ValueType::kF64:
    case ValueType::kString:
    case ValueType::kArray:
      break;
  }
  throw Error(ErrorCode::kBadFile,
              fmt::format("the array has elements of type {} where integers are wanted", name_of(element)));
}

double Array::as_double(uint64_t i) const {
  GANTRY_CHECK_LT(i, count);
  if (element == ValueType::kF32) return static_cast<double>(element_at<float>(*this, i));
  if (element == ValueType::kF64) return element_at<double>(*this, i);
  if (element == ValueType::kU64) return static_cast<double>(element_at<uint64_t>(*this, i));
  if (!is_integer(element) && element != ValueType::kBool)
    throw Error(ErrorCode::kBadFile,
                fmt::format("the array has elements of type {} where numbers are wanted", name_of(element)));
  return static_cast<double>(as_int(i));
}

std::string Value::to_string(size_t max_items) const {
  switch (type) {
    case ValueType::kString:
      return shown_text(string);
    case ValueType::kBool:
      return bits != 0 ? "true" : "false";
    case ValueType::kF32:  // as a float, so that 1e-5 reads so
      return fmt::format("{}", static_cast<float>(std::bit_cast<double>(bits)));
    case ValueType::kF64:
      return fmt::format("{}", std::bit_cast<double>(bits));
    case ValueType::kU64:
      return fmt::format("{}", bits);
    case ValueType::kU8:
    case ValueType::kI8:
    case ValueType::kU16:
    case ValueType::kI16:
    case ValueType::kU32:
    case ValueType::kI32:
    case ValueType::kI64:
      return fmt::format("{}", static_cast<int64_t>(bits));
    case ValueType::kArray:
      break;
  }
  std::string out = "[";
  for (uint64_t i = 0; i < array.count && i < max_items; ++i)
    out += (i > 0 ? ", " : "") + shown_element(array, i);
  if (array.count > max_items)
    out += fmt::format("{}... {} of {}", max_items > 0 ? ", " : "", array.count, name_of(array.element));
  return out + "]";
}

uint64_t TensorInfo::values() const {
  uint64_t product = 1;
  for (const uint64_t extent : shape) product *= extent;  // the reader has checked that it fits
  return product;
}

}  // namespace gantry::gguf
