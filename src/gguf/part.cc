#include "gguf/part.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.h"
#include "gguf/cursor.h"
#include "gguf/element.h"
#include "gguf/foreign.h"

namespace gantry::gguf {
namespace {

// The least that one of them takes in a file: what a count may promise is bounded by the bytes that follow.
constexpr uint64_t kLeastStringBytes = 8;
constexpr uint64_t kLeastArrayBytes = 12;
constexpr uint64_t kLeastKeyBytes = 8 + 4 + 1;
constexpr uint64_t kLeastTensorBytes = 8 + 4 + 4 + 8;

struct Reader {
  Cursor cursor;
  const std::string& file;
  const OpenOptions& options;
  std::vector<uint64_t> tensor_at = {};  // where each tensor's entry begins, for errors
  uint64_t alignment_at = 0;             // where that key's entry begins

  Part part(uint64_t file_bytes);

 private:
  uint64_t count(const Field& field, uint64_t limit, uint64_t least_bytes, uint64_t left);
  std::vector<KeyValue> keys(uint64_t count);
  ValueType value_type(const Field& field);
  Value value(std::string_view key);
  Array array(std::string_view key, uint32_t depth);
  void check_bools(const Array& array, uint64_t at, const Field& field) const;
  uint64_t alignment(const Metadata& metadata) const;
  TensorInfo tensor();
  void size_tensor(TensorInfo& tensor, uint64_t at) const;
  void place_tensors(Part& part, uint64_t file_bytes, uint64_t alignment) const;
  void check_names(const std::vector<TensorInfo>& tensors) const;
  void check_overlaps(const std::vector<TensorInfo>& tensors) const;

  template <typename T>
  Value number(ValueType type, const Field& field) {
    const T read = cursor.read<T>(field);
    Value out;
    out.type = type;
    if constexpr (std::is_floating_point_v<T>)
      out.bits = std::bit_cast<uint64_t>(static_cast<double>(read));
    else
      out.bits = static_cast<uint64_t>(static_cast<int64_t>(read));
    return out;
  }
};

uint64_t Reader::count(const Field& field, uint64_t limit, uint64_t least_bytes, uint64_t left) {
  const uint64_t at = cursor.offset();
  const auto read = cursor.read<uint64_t>(field);
  if (read > limit)
    cursor.fail(field, at, fmt::format("the count is {}, more than the limit of {}", read, limit));
  if (read > left / least_bytes)
    cursor.fail(
        field, at,
        fmt::format("the count is {}, and so many cannot lie in the {} bytes that follow", read, left));
  return read;
}

ValueType Reader::value_type(const Field& field) {
  const uint64_t at = cursor.offset();
  const auto type = cursor.read<uint32_t>(field);
  if (type > static_cast<uint32_t>(ValueType::kF64))
    cursor.fail(field, at, fmt::format("the type is {}, and no value has that type", type));
  return static_cast<ValueType>(type);
}

std::vector<KeyValue> Reader::keys(uint64_t wanted) {
  std::vector<KeyValue> out;
  std::vector<uint64_t> key_at;
  out.reserve(wanted);
  key_at.reserve(wanted);
  for (uint64_t i = 0; i < wanted; ++i) {
    key_at.push_back(cursor.offset());
    KeyValue entry;
    entry.key = cursor.string(kMaxKeyBytes, {"metadata key"});
    if (entry.key == kAlignmentKey) alignment_at = cursor.offset();
    entry.value = value(entry.key);
    out.push_back(std::move(entry));
  }
  std::vector<uint32_t> order(out.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(),
                   [&](uint32_t a, uint32_t b) { return out[a].key < out[b].key; });
  for (size_t i = 1; i < order.size(); ++i)
    if (out[order[i]].key == out[order[i - 1]].key)
      cursor.fail({"metadata key", out[order[i]].key}, key_at[order[i]], "the key is there twice");
  return out;
}

Value Reader::value(std::string_view key) {
  const Field field{"value", key};
  const ValueType type = value_type({"value type", key});
  switch (type) {
    case ValueType::kU8:
      return number<uint8_t>(type, field);
    case ValueType::kI8:
      return number<int8_t>(type, field);
    case ValueType::kU16:
      return number<uint16_t>(type, field);
    case ValueType::kI16:
      return number<int16_t>(type, field);
    case ValueType::kU32:
      return number<uint32_t>(type, field);
    case ValueType::kI32:
      return number<int32_t>(type, field);
    case ValueType::kU64:
      return number<uint64_t>(type, field);
    case ValueType::kI64:
      return number<int64_t>(type, field);
    case ValueType::kF32:
      return number<float>(type, field);
    case ValueType::kF64:
      return number<double>(type, field);
    case ValueType::kBool: {
      const Value out = number<uint8_t>(type, field);
      if (out.bits > 1)
        cursor.fail(field, cursor.offset() - 1,
                    fmt::format("the value is {}, and a bool is 0 or 1", out.bits));
      return out;
    }
    case ValueType::kString: {
      Value out;
      out.type = type;
      out.string = cursor.string(kMaxStringBytes, field);
      return out;
    }
    case ValueType::kArray: {
      Value out;
      out.type = type;
      out.array = array(key, 1);
      return out;
    }
  }
  cursor.fail(field, cursor.offset(), "there is no such type of a value");  // value_type let only these pass
}

// The array at the cursor; of one inside another (depth > 1) only the extent matters, so strings are not
// indexed.
Array Reader::array(std::string_view key, uint32_t depth) {
  Array out;
  const uint64_t at = cursor.offset();
  if (depth > kMaxArrayDepth)
    cursor.fail({"array", key}, at, fmt::format("arrays are nested deeper than {}", kMaxArrayDepth));
  out.element = value_type({"element type", key});
  const Field counted{"array length", key};
  const uint64_t left = cursor.remaining() - std::min<uint64_t>(cursor.remaining(), 8);
  const Field field{"array", key};
  if (const uint64_t size = element_bytes(out.element); size != 0) {
    out.count = count(counted, ~uint64_t{0}, size, left);
    const uint64_t begin = cursor.offset();
    out.bytes = cursor.take(out.count * size, field);
    if (out.element == ValueType::kBool) check_bools(out, begin, field);
    return out;
  }
  if (out.element == ValueType::kString) {
    out.count = count(counted, kMaxArrayStrings, kLeastStringBytes, left);
    if (depth == 1) out.strings.reserve(out.count);
    for (uint64_t i = 0; i < out.count; ++i) {
      const std::string_view text = cursor.string(kMaxStringBytes, field);
      if (depth == 1) out.strings.push_back(text);
    }
    return out;
  }
  out.count = count(counted, kMaxArrayStrings, kLeastArrayBytes, left);
  Cursor before = cursor;
  const uint64_t begin = cursor.offset();
  for (uint64_t i = 0; i < out.count; ++i) array(key, depth + 1);
  out.bytes = before.take(cursor.offset() - begin, field);
  return out;
}

void Reader::check_bools(const Array& array, uint64_t at, const Field& field) const {
  for (uint64_t i = 0; i < array.count; ++i)
    if (std::to_integer<uint8_t>(array.bytes[i]) > 1)
      cursor.fail(field, at + i,
                  fmt::format("element {} is {}, and a bool is 0 or 1", i,
                              std::to_integer<unsigned>(array.bytes[i])));
}

uint64_t Reader::alignment(const Metadata& metadata) const {
  const uint64_t value = metadata.get_uint(kAlignmentKey).value_or(kDefaultAlignment);
  if (!std::has_single_bit(value) || value < kMinAlignment || value > kMaxAlignment)
    cursor.fail({"value", kAlignmentKey}, alignment_at,
                fmt::format("the alignment is {}, not a power of two from {} to {}", value, kMinAlignment,
                            kMaxAlignment));
  return value;
}

TensorInfo Reader::tensor() {
  const uint64_t at = cursor.offset();
  TensorInfo out;
  out.name = cursor.string(kMaxTensorNameBytes, {"tensor name"});
  const Field field{"shape", out.name};
  const uint64_t dims_at = cursor.offset();
  const auto dims = cursor.read<uint32_t>(field);
  if (dims > kMaxDims)
    cursor.fail(field, dims_at,
                fmt::format("the tensor has {} dimensions, more than the limit of {}", dims, kMaxDims));
  for (uint32_t d = 0; d < dims; ++d) {
    const uint64_t extent_at = cursor.offset();
    out.shape.push_back(cursor.read<uint64_t>(field));
    if (out.shape.back() == 0) cursor.fail(field, extent_at, fmt::format("dimension {} is 0", d));
  }
  if (dims == 0) out.shape.push_back(1);  // a scalar
  out.type_id = cursor.read<uint32_t>({"type", out.name});
  out.offset = cursor.read<uint64_t>({"offset", out.name});
  if (const quant::DtypeFacts* facts = quant::find_dtype(out.type_id)) out.dtype = facts->dtype;
  size_tensor(out, at);
  return out;
}

// Shape and type to bytes. For a type unknown here only the number of values is checked.
void Reader::size_tensor(TensorInfo& tensor, uint64_t at) const {
  const Field field{"shape", tensor.name};
  std::optional<uint64_t> values = 1;
  for (const uint64_t extent : tensor.shape) values = checked_mul(*values, extent).value_or(0);
  // An overflow leaves 0 behind, which no product of extents above 0 is.
  if (*values == 0 || *values > uint64_t{1} << 62)
    cursor.fail(field, at, "the number of values does not fit 62 bits");
  if (!tensor.dtype) return;
  const quant::DtypeFacts& facts = quant::facts(*tensor.dtype);
  if (tensor.shape[0] % facts.block_values != 0)
    cursor.fail(field, at,
                fmt::format("rows of {} values are not whole blocks of {} ({} values)", tensor.shape[0],
                            facts.name, facts.block_values));
  const std::optional<uint64_t> bytes = checked_mul(*values / facts.block_values, facts.block_bytes);
  if (!bytes) cursor.fail(field, at, "the number of bytes does not fit 64 bits");
  tensor.bytes = *bytes;
}

// Offsets become offsets in the file: aligned, and inside it unless the options allow otherwise.
void Reader::place_tensors(Part& part, uint64_t file_bytes, uint64_t alignment) const {
  for (size_t i = 0; i < part.tensors.size(); ++i) {
    TensorInfo& tensor = part.tensors[i];
    const Field field{"offset", tensor.name};
    if (tensor.offset % alignment != 0)
      cursor.fail(field, tensor_at[i],
                  fmt::format("the offset {} is no multiple of the alignment {}", tensor.offset, alignment));
    const std::optional<uint64_t> begin = checked_add(part.data_begin, tensor.offset);
    const std::optional<uint64_t> end = begin ? checked_add(*begin, tensor.bytes) : std::nullopt;
    if (!end)
      cursor.fail(field, tensor_at[i],
                  fmt::format("the data from offset {} on ends beyond 64 bits", tensor.offset));
    if (options.check_tensor_data && *end > file_bytes)
      cursor.fail(
          field, tensor_at[i],
          fmt::format("the data of the tensor ends at byte {}, the file at byte {}", *end, file_bytes),
          ErrorCode::kBadFile, "the file is incomplete: fetch it again");
    tensor.offset = *begin;
  }
}

void Reader::check_names(const std::vector<TensorInfo>& tensors) const {
  std::vector<uint32_t> order(tensors.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(),
                   [&](uint32_t a, uint32_t b) { return tensors[a].name < tensors[b].name; });
  for (size_t i = 1; i < order.size(); ++i)
    if (tensors[order[i]].name == tensors[order[i - 1]].name)
      cursor.fail({"tensor name", tensors[order[i]].name}, tensor_at[order[i]], "the tensor is there twice");
}

void Reader::check_overlaps(const std::vector<TensorInfo>& tensors) const {
  std::vector<uint32_t> order(tensors.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(),
                   [&](uint32_t a, uint32_t b) { return tensors[a].offset < tensors[b].offset; });
  for (size_t i = 1; i < order.size(); ++i) {
    const TensorInfo& before = tensors[order[i - 1]];
    const TensorInfo& tensor = tensors[order[i]];
    // A tensor of unknown type has at least a byte. The sum is below the next offset's limit: it was checked.
    if (before.offset + std::max<uint64_t>(before.bytes, 1) > tensor.offset)
      cursor.fail({"offset", tensor.name}, tensor_at[order[i]],
                  fmt::format("its data begins inside that of tensor {}", quoted(before.name)));
  }
}

Part Reader::part(uint64_t file_bytes) {
  cursor.take(4, {"magic"});
  Part out;
  out.version = cursor.read<uint32_t>({"version"});
  const uint64_t left = cursor.remaining() - std::min<uint64_t>(cursor.remaining(), 16);
  const uint64_t tensors = count({"tensor count"}, kMaxTensors, kLeastTensorBytes, left);
  const uint64_t entries = count({"metadata count"}, kMaxKeys, kLeastKeyBytes, left);
  out.metadata = Metadata(keys(entries), file);
  out.tensors.reserve(tensors);
  tensor_at.reserve(tensors);
  for (uint64_t i = 0; i < tensors; ++i) {
    tensor_at.push_back(cursor.offset());
    out.tensors.push_back(tensor());
  }
  const uint64_t aligned_to = alignment(out.metadata);
  out.data_begin = align_up(cursor.offset(), aligned_to);
  check_names(out.tensors);
  place_tensors(out, file_bytes, aligned_to);
  check_overlaps(out.tensors);
  return out;
}

}  // namespace

Part parse_part(std::span<const std::byte> bytes, const std::string& file, const OpenOptions& options) {
  check_is_gguf(bytes, file);
  return Reader{Cursor(bytes, file), file, options}.part(bytes.size());
}

}  // namespace gantry::gguf
