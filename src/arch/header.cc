#include "arch/header.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"

namespace gantry::arch {
namespace {

constexpr double kFloatLeast = 1e-20, kFloatMost = 1e20;

std::string shape_text(std::span<const uint64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

}  // namespace

Header::Header(const gguf::GgufFile& file)
    : file_(file),
      arch_(file.metadata().need_string("general.architecture")),
      used_(file.tensors().size(), false) {}

std::string Header::key(std::string_view suffix) const { return arch_ + "." + std::string(suffix); }

void Header::refuse(std::string_view suffix, const std::string& what, const std::string& mend) const {
  throw Error(ErrorCode::kUnsupported, what, fmt::format("{}: {}", file_.path(), key(suffix)), mend);
}

std::optional<uint32_t> Header::get_uint(std::string_view suffix, uint32_t min, uint32_t max) const {
  const auto value = file_.metadata().get_uint(key(suffix));
  if (!value) return std::nullopt;
  if (*value < min || *value > max) {
    throw Error(ErrorCode::kBadFile,
                fmt::format("the value is {}, it must be from {} to {}", *value, min, max),
                fmt::format("{}: {}", file_.path(), key(suffix)));
  }
  return static_cast<uint32_t>(*value);
}

uint32_t Header::need_uint(std::string_view suffix, uint32_t min, uint32_t max) const {
  if (const auto value = get_uint(suffix, min, max)) return *value;
  file_.metadata().need_uint(key(suffix));  // throws, naming the key
  return 0;
}

std::optional<double> Header::get_float(std::string_view suffix) const {
  const std::optional<double> value = file_.metadata().get_float(key(suffix));
  // Written so that NaN is out of range. No model has such numbers; computing with them ends in infinities.
  if (const double size = std::abs(value.value_or(0));
      size != 0 && !(size >= kFloatLeast && size <= kFloatMost)) {
    throw Error(ErrorCode::kBadFile,
                fmt::format("the value is {}, it must be 0 or in size from {} to {}", *value, kFloatLeast,
                            kFloatMost),
                fmt::format("{}: {}", file_.path(), key(suffix)));
  }
  return value;
}

double Header::need_float(std::string_view suffix) const {
  if (const auto value = get_float(suffix)) return *value;
  return file_.metadata().need_float(key(suffix));  // throws, naming the key
}

std::optional<std::string_view> Header::get_string(std::string_view suffix) const {
  return file_.metadata().get_string(key(suffix));
}
std::optional<bool> Header::get_bool(std::string_view suffix) const {
  return file_.metadata().get_bool(key(suffix));
}

bool Header::need_bool(std::string_view suffix) const {
  if (const auto value = get_bool(suffix)) return *value;
  throw Error(ErrorCode::kBadFile, "the key is missing", fmt::format("{}: {}", file_.path(), key(suffix)));
}

std::vector<uint32_t> Header::integers(std::string_view suffix, uint32_t count_min, uint32_t count_max,
                                       uint32_t min, uint32_t max) const {
  const gguf::Array& array = file_.metadata().find(key(suffix))->array;
  const auto where = fmt::format("{}: {}", file_.path(), key(suffix));
  const bool is_number = array.element != gguf::ValueType::kString &&
                         array.element != gguf::ValueType::kArray && array.element != gguf::ValueType::kF32 &&
                         array.element != gguf::ValueType::kF64;
  if (!is_number || array.count < count_min) {
    throw Error(ErrorCode::kBadFile,
                fmt::format("an array of {} x {} where {} integers are needed", array.count,
                            gguf::name_of(array.element), count_min),
                where);
  }
  std::vector<uint32_t> values;
  for (uint64_t i = 0; i < std::min<uint64_t>(array.count, count_max); ++i) {
    const int64_t v = array.as_int(i);
    if (v < int64_t{min} || v > int64_t{max}) {
      throw Error(ErrorCode::kBadFile,
                  fmt::format("number {} is {}, it must be from {} to {}", i, v, min, max), where);
    }
    values.push_back(static_cast<uint32_t>(v));
  }
  return values;
}

std::vector<uint32_t> Header::need_array(std::string_view suffix, uint32_t count_min, uint32_t count_max,
                                         uint32_t max) const {
  if (!is_array(suffix)) refuse(suffix, "an array is needed");
  return integers(suffix, count_min, count_max, 0, max);
}

std::optional<std::vector<uint32_t>> Header::get_per_layer(std::string_view suffix, uint32_t layers,
                                                           uint32_t min, uint32_t max) const {
  if (file_.metadata().find(key(suffix)) == nullptr) return std::nullopt;
  if (!is_array(suffix)) return std::vector<uint32_t>(layers, need_uint(suffix, min, max));
  return integers(suffix, layers, layers, min, max);
}

std::vector<uint32_t> Header::need_per_layer(std::string_view suffix, uint32_t layers, uint32_t min,
                                             uint32_t max) const {
  if (auto values = get_per_layer(suffix, layers, min, max)) return *values;
  file_.metadata().need_uint(key(suffix));  // throws, naming the key
  return {};
}

const gguf::TensorInfo* Header::find(const std::string& name, std::initializer_list<uint64_t> shape) {
  const gguf::TensorInfo* tensor = file_.find_tensor(name);
  if (tensor == nullptr) return nullptr;
  const auto where = fmt::format("{}: tensor {}", file_.path(), name);
  // Trailing dimensions of one say nothing: [64, 1] is [64].
  std::vector<uint64_t> found = tensor->shape, wanted = shape;
  for (std::vector<uint64_t>* of : {&found, &wanted}) {
    while (of->size() > 1 && of->back() == 1) of->pop_back();
  }
  if (found != wanted) {
    throw Error(ErrorCode::kBadFile,
                fmt::format("its shape is {}, the model's numbers ask for {}", shape_text(tensor->shape),
                            shape_text({shape.begin(), shape.size()})),
                where);
  }
  if (!tensor->dtype || !quant::facts(*tensor->dtype).is_weight) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("its type is {} (id {}), which this version cannot compute with",
                            tensor->dtype ? quant::facts(*tensor->dtype).name
                                          : quant::name_of_unsupported(tensor->type_id),
                            tensor->type_id),
                where, "use a file in another quantization, such as Q4_K_M or Q8_0");
  }
  used_[static_cast<size_t>(tensor - file_.tensors().data())] = true;
  return tensor;
}

const gguf::TensorInfo& Header::need(const std::string& name, std::initializer_list<uint64_t> shape) {
  if (const gguf::TensorInfo* tensor = find(name, shape)) return *tensor;
  throw Error(
      ErrorCode::kBadFile,
      fmt::format("the tensor is missing; wanted shape {}", shape_text({shape.begin(), shape.size()})),
      fmt::format("{}: tensor {}", file_.path(), name),
      "the file is incomplete, or is not the architecture it says it is");
}

std::optional<Matrix> Header::find_matrix(const std::string& name, uint32_t rows, uint32_t cols) {
  const gguf::TensorInfo* tensor = find(name, {cols, rows});
  if (tensor == nullptr) return std::nullopt;
  return Matrix{tensor, {*tensor->dtype, rows, cols}};
}

Matrix Header::need_matrix(const std::string& name, uint32_t rows, uint32_t cols) {
  const gguf::TensorInfo& tensor = need(name, {cols, rows});
  return {&tensor, {*tensor.dtype, rows, cols}};
}

MatrixStack Header::need_stack(const std::string& name, uint32_t rows, uint32_t cols, uint32_t count) {
  const gguf::TensorInfo& tensor = need(name, {cols, rows, count});
  return {{&tensor}, {*tensor.dtype, rows, cols}, count, 0, rows};
}

std::optional<Vector> Header::find_vector_stack(const std::string& name, uint32_t size, uint32_t count) {
  const gguf::TensorInfo* tensor = find(name, {size, count});
  if (tensor == nullptr) return std::nullopt;
  if (uint64_t{size} * count > kContextMax)
    throw Error(ErrorCode::kBadFile, fmt::format("{} x {} values are beyond any model", size, count),
                fmt::format("{}: tensor {}", file_.path(), name));
  return Vector{tensor, size * count};
}

Vector Header::need_vector(const std::string& name, uint32_t size) { return {&need(name, {size}), size}; }

Vector Header::need_table(const std::string& name, uint32_t rows, uint32_t cols) {
  return {&need(name, {cols, rows}), rows * cols};
}

std::optional<Vector> Header::find_vector(const std::string& name, uint32_t size) {
  const gguf::TensorInfo* tensor = find(name, {size});
  if (tensor == nullptr) return std::nullopt;
  return Vector{tensor, size};
}

Linear Header::need_linear(const std::string& name, uint32_t rows, uint32_t cols) {
  return {need_matrix(name + ".weight", rows, cols), find_vector(name + ".bias", rows)};
}

Norm Header::need_norm(const NormRule& rule, const std::string& name, uint32_t size, uint32_t groups) {
  if (auto norm = find_norm(rule, name, size, groups)) return *norm;
  need_vector(name + ".weight", size);  // throws, naming the tensor
  return {};
}

std::optional<Norm> Header::find_norm(const NormRule& rule, const std::string& name, uint32_t size,
                                      uint32_t groups) {
  const auto vector = [&](const std::string& of) -> std::optional<Vector> {
    const gguf::TensorInfo* tensor = groups == 1 ? find(of, {size}) : find(of, {size, groups});
    if (tensor == nullptr) return std::nullopt;
    return Vector{tensor, size * groups};
  };
  Norm norm{rule.kind, size, groups, vector(name + ".weight"), vector(name + ".bias"), rule.eps};
  if (!norm.weight) return std::nullopt;
  if (rule.needs_bias && !norm.bias) norm.bias = need_vector(name + ".bias", size * groups);
  return norm;
}

uint32_t Header::vocab() const {
  const std::string name = "token_embd.weight";
  const gguf::TensorInfo* tensor = file_.find_tensor(name);
  const auto where = fmt::format("{}: tensor {}", file_.path(), name);
  if (tensor == nullptr) {
    throw Error(
        ErrorCode::kBadFile, "the tensor is missing", where,
        file_.tensors().empty() ? "the file holds a vocabulary only, no weights" : "the file is incomplete");
  }
  if (tensor->shape.size() < 2 || tensor->shape[1] > kContextMax) {
    throw Error(ErrorCode::kBadFile, "its shape is " + shape_text(tensor->shape) + ", a matrix is needed",
                where);
  }
  const gguf::Value* tokens = file_.metadata().find("tokenizer.ggml.tokens");
  if (tokens != nullptr && tokens->type == gguf::ValueType::kArray && tokens->array.count <= kContextMax)
    return static_cast<uint32_t>(tokens->array.count);
  return get_uint("vocab_size", 1, kContextMax).value_or(static_cast<uint32_t>(tensor->shape[1]));
}

bool Header::is_array(std::string_view suffix) const {
  const gguf::Value* value = file_.metadata().find(key(suffix));
  return value != nullptr && value->type == gguf::ValueType::kArray;
}

std::vector<std::string> Header::unused() const {
  std::vector<std::string> names;
  for (size_t i = 0; i < used_.size(); ++i) {
    if (!used_[i]) names.emplace_back(file_.tensors()[i].name);
  }
  return names;
}

Linear rows_of(const Linear& linear, uint32_t first, uint32_t rows) {
  Linear part = linear;
  part.weight.first_row += first;
  part.weight.shape.rows = rows;
  if (part.bias) {
    part.bias->first += first;
    part.bias->size = rows;
  }
  return part;
}

}  // namespace gantry::arch
