#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "gguf/cursor.h"
#include "gguf/element.h"
#include "gguf/gguf.h"

namespace gantry::gguf {
namespace {

[[noreturn]] void wrong(const Metadata& in, std::string_view key, const std::string& what) {
  throw Error(ErrorCode::kBadFile, fmt::format("metadata {} {}", quoted(key), what), in.where(),
              "the model was converted wrongly, or is of a kind this build does not know");
}

[[noreturn]] void wrong_kind(const Metadata& in, std::string_view key, const Value& value,
                             const char* wanted) {
  const std::string found = value.type == ValueType::kArray
                                ? fmt::format("array of {}", name_of(value.array.element))
                                : std::string(name_of(value.type));
  wrong(in, key, fmt::format("is of type {} where {} is wanted", found, wanted));
}

template <typename T>
T needed(const Metadata& in, std::string_view key, std::optional<T> found) {
  if (!found) wrong(in, key, "is missing");
  return *found;
}

}  // namespace

Metadata::Metadata(std::vector<KeyValue> entries, std::string where)
    : entries_(std::move(entries)), by_key_(entries_.size()), where_(std::move(where)) {
  std::iota(by_key_.begin(), by_key_.end(), 0u);
  std::sort(by_key_.begin(), by_key_.end(),
            [this](uint32_t a, uint32_t b) { return entries_[a].key < entries_[b].key; });
  for (size_t i = 1; i < by_key_.size(); ++i) {
    const std::string_view key = entries_[by_key_[i]].key;
    if (key == entries_[by_key_[i - 1]].key) wrong(*this, key, "is there twice");
  }
}

const Value* Metadata::find(std::string_view key) const {
  const auto found = std::lower_bound(by_key_.begin(), by_key_.end(), key,
                                      [this](uint32_t i, std::string_view k) { return entries_[i].key < k; });
  if (found == by_key_.end() || entries_[*found].key != key) return nullptr;
  return &entries_[*found].value;
}

std::optional<uint64_t> Metadata::get_uint(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!is_integer(value->type)) wrong_kind(*this, key, *value, "an unsigned integer");
  if (value->type != ValueType::kU64 && static_cast<int64_t>(value->bits) < 0)
    wrong(*this, key, fmt::format("is {}, which may not be negative", static_cast<int64_t>(value->bits)));
  return value->bits;
}

std::optional<int64_t> Metadata::get_int(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!is_integer(value->type)) wrong_kind(*this, key, *value, "an integer");
  constexpr auto kMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (value->type == ValueType::kU64 && value->bits > kMax)
    wrong(*this, key, fmt::format("is {}, which is too large", value->bits));
  return static_cast<int64_t>(value->bits);
}

std::optional<double> Metadata::get_float(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (is_float(value->type)) return std::bit_cast<double>(value->bits);
  if (!is_integer(value->type)) wrong_kind(*this, key, *value, "a number");
  if (value->type == ValueType::kU64) return static_cast<double>(value->bits);
  return static_cast<double>(static_cast<int64_t>(value->bits));
}

std::optional<bool> Metadata::get_bool(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->type != ValueType::kBool) wrong_kind(*this, key, *value, "a bool");
  return value->bits != 0;
}

std::optional<std::string_view> Metadata::get_string(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->type != ValueType::kString) wrong_kind(*this, key, *value, "a string");
  return value->string;
}

const Array* Metadata::get_array(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return nullptr;
  if (value->type != ValueType::kArray) wrong_kind(*this, key, *value, "an array");
  return &value->array;
}

const Array* Metadata::get_array(std::string_view key, ValueType element) const {
  const Array* array = get_array(key);
  if (array != nullptr && array->element != element)
    wrong_kind(*this, key, *find(key), fmt::format("an array of {}", name_of(element)).c_str());
  return array;
}

uint64_t Metadata::need_uint(std::string_view key) const { return needed(*this, key, get_uint(key)); }
double Metadata::need_float(std::string_view key) const { return needed(*this, key, get_float(key)); }
std::string_view Metadata::need_string(std::string_view key) const {
  return needed(*this, key, get_string(key));
}

const Array& Metadata::need_array(std::string_view key, ValueType element) const {
  const Array* array = get_array(key, element);
  if (array == nullptr) wrong(*this, key, "is missing");
  return *array;
}

}  // namespace gantry::gguf
