#include "tools/quantize_check/widen.h"

#include <cstdint>
#include <vector>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/error.h"
#include "gguf/gguf.h"
#include "gguf/writer.h"
#include "quant/blocks.h"
#include "quant/dtype.h"

namespace gantry::tools {
namespace {

constexpr uint64_t kTimes = 4;

struct Matrix {
  uint64_t rows = 0, cols = 0;
  std::vector<float> values;  // [rows, cols]
};

// Copies side by side, each of `part` of the value, so that a product with kTimes copies of x is the old one.
Matrix repeat_columns(const Matrix& m, float part) {
  Matrix out{m.rows, m.cols * kTimes, {}};
  for (uint64_t r = 0; r < m.rows; ++r)
    for (uint64_t c = 0; c < out.cols; ++c) out.values.push_back(part * m.values[r * m.cols + c % m.cols]);
  return out;
}

Matrix repeat_rows(const Matrix& m) {
  Matrix out{m.rows * kTimes, m.cols, {}};
  for (uint64_t k = 0; k < kTimes; ++k) out.values.insert(out.values.end(), m.values.begin(), m.values.end());
  return out;
}

Matrix padded(const Matrix& m, uint64_t rows, uint64_t cols) {
  Matrix out{rows, cols, std::vector<float>(rows * cols, 0.0f)};
  for (uint64_t r = 0; r < m.rows; ++r)
    for (uint64_t c = 0; c < m.cols; ++c) out.values[r * cols + c] = m.values[r * m.cols + c];
  return out;
}

uint64_t padded_length(uint64_t length) { return align_up(length, quant::kSuperBlockValues); }

void add(gguf::Writer& writer, std::string_view name, const Matrix& m) {
  std::vector<uint64_t> shape = {m.cols};
  if (m.rows > 1) shape.push_back(m.rows);
  writer.add_tensor(name, shape, quant::Dtype::kF32, std::as_bytes(std::span(m.values)));
}

void add_wide(gguf::Writer& writer, std::string_view name, const Matrix& m) {
  constexpr float kPart = 1.0f / kTimes;
  const auto is = [name](std::string_view part) { return name.find(part) != name.npos; };
  if (name == "token_embd.weight") {
    add(writer, name, repeat_columns(m, 1));
    add(writer, "output.weight", repeat_columns(m, kPart));
  } else if (is("_norm.weight")) {
    add(writer, name, repeat_columns(m, 1));
  } else if (is(".attn_")) {
    add(writer, name, repeat_rows(repeat_columns(m, kPart)));
  } else if (is(".ffn_down.")) {
    add(writer, name, repeat_rows(padded(m, m.rows, padded_length(m.cols))));
  } else if (is(".ffn_")) {
    const Matrix wide = repeat_columns(m, kPart);
    add(writer, name, padded(wide, padded_length(wide.rows), wide.cols));
  } else {
    throw Error(ErrorCode::kUnsupported, fmt::format("no rule for tensor {}", name));
  }
}

}  // namespace

void widen(const std::string& from, const std::string& to) {
  const auto file = gguf::GgufFile::open(from);
  gguf::Writer writer;
  for (const gguf::KeyValue& entry : file->metadata().entries()) {
    gguf::Value value = entry.value;
    if (entry.key == "llama.feed_forward_length") value.bits = padded_length(value.bits);
    if (entry.key == "llama.embedding_length" || entry.key.starts_with("llama.attention.head_count"))
      value.bits *= kTimes;
    writer.add_value(entry.key, value);
  }
  for (const gguf::TensorInfo& tensor : file->tensors()) {
    if (tensor.dtype != quant::Dtype::kF32 || tensor.shape.size() > 2)
      throw Error(ErrorCode::kUnsupported, fmt::format("tensor {} is no F32 matrix", tensor.name), from);
    Matrix m{tensor.shape.size() > 1 ? tensor.shape[1] : 1, tensor.shape[0],
             std::vector<float>(tensor.values())};
    quant::decode_row(quant::Dtype::kF32, file->data(tensor), m.values);
    add_wide(writer, tensor.name, m);
  }
  writer.write(to);
}

}  // namespace gantry::tools
