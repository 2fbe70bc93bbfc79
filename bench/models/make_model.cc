// Writes a GGUF model of a real shape with random weights: `gantry_bench_model OUT.gguf SHAPE TYPE
// VOCABULARY.gguf`. The vocabulary is copied from another file, because peers refuse a model without one. For
// measuring only: it knows nothing.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/rng.h"
#include "gguf/gguf.h"
#include "gguf/writer.h"
#include "library/recipe.h"

namespace gantry {
namespace {

struct Shape {
  const char* name;
  const char* arch;
  uint32_t width, layers, heads, kv_heads, head_dim, hidden;
  bool biases;
  uint32_t experts = 0, used = 0;  // of `hidden` each
};

constexpr Shape kShapes[] = {
    {"1.2b", "llama", 2048, 16, 32, 8, 64, 8192, false},  // Llama-3.2-1B, output tied
    {"0.5b", "qwen2", 896, 24, 14, 2, 64, 4864, true},    // Qwen2.5-0.5B, output tied
    {"0.1b", "llama", 1024, 8, 16, 4, 64, 2816, false},   // small enough for a quick look
    {"0.1b-of-64", "llama", 1024, 8, 16, 4, 64, 352, false, 64,
     8},  // the same work for a token, of 64 experts
};

// A few encoded rows, repeated: random enough to be multiplied, quick enough to make a gigabyte.
class Rows {
 public:
  Rows(quant::Dtype dtype, uint32_t cols) : dtype_(dtype), bytes_(quant::row_bytes(dtype, cols)) {
    const float scale = 1 / std::sqrt(static_cast<float>(cols));
    std::vector<float> row(cols);
    for (uint32_t r = 0; r < kRows; ++r) {
      for (uint32_t c = 0; c < cols; ++c) {
        double sum = -6;  // twelve uniforms: near enough to a normal number
        for (uint32_t k = 0; k < 12; ++k) sum += uniform_at(r, uint64_t{c} * 12 + k);
        row[c] = static_cast<float>(sum) * scale;
      }
      encoded_.emplace_back(bytes_);
      quant::encode_row(dtype, row, encoded_.back());
    }
  }
  quant::Dtype dtype() const { return dtype_; }
  void fill(std::span<std::byte> out, uint64_t seed) const {
    for (uint64_t row = 0; row * bytes_ < out.size(); ++row) {
      const auto pick = static_cast<size_t>(uniform_at(seed, row) * kRows);
      std::memcpy(&out[row * bytes_], encoded_[pick].data(), bytes_);
    }
  }

 private:
  static constexpr uint32_t kRows = 24;
  quant::Dtype dtype_;
  uint64_t bytes_;
  std::vector<std::vector<std::byte>> encoded_;
};

void make(const std::string& path, const Shape& shape, quant::Dtype dtype, const std::string& vocabulary) {
  const auto source = gguf::GgufFile::open(vocabulary, {false});
  gguf::Writer writer;
  const std::string arch = shape.arch;
  writer.add_string("general.architecture", arch);
  writer.add_string("general.name", std::string("random ") + shape.name);
  writer.add_uint(arch + ".context_length", 8192);
  writer.add_uint(arch + ".embedding_length", shape.width);
  writer.add_uint(arch + ".block_count", shape.layers);
  writer.add_uint(arch + ".feed_forward_length", shape.hidden);
  if (shape.experts != 0) {
    writer.add_uint(arch + ".expert_count", shape.experts);
    writer.add_uint(arch + ".expert_used_count", shape.used);
  }
  writer.add_uint(arch + ".attention.head_count", shape.heads);
  writer.add_uint(arch + ".attention.head_count_kv", shape.kv_heads);
  writer.add_uint(arch + ".rope.dimension_count", shape.head_dim);
  writer.add_float(arch + ".rope.freq_base", 500000);
  writer.add_float(arch + ".attention.layer_norm_rms_epsilon", 1e-5f);
  for (const gguf::KeyValue& entry : source->metadata().entries()) {
    if (entry.key.starts_with("tokenizer.")) writer.add_value(entry.key, entry.value);
  }
  const auto vocab = static_cast<uint32_t>(
      source->metadata().need_array("tokenizer.ggml.tokens", gguf::ValueType::kString).count);
  if (vocab == 0) throw Error(ErrorCode::kBadFile, "its vocabulary is empty", vocabulary);

  uint64_t seed = 0;
  std::vector<std::pair<uint32_t, Rows>> made;
  const auto rows_of = [&](uint32_t cols) -> const Rows& {
    for (const auto& [have, rows] : made) {
      if (have == cols) return rows;
    }
    return made.emplace_back(cols, Rows(library::fitting_type(dtype, cols), cols)).second;
  };
  made.reserve(8);
  const auto matrix = [&](const std::string& name, uint32_t cols, uint32_t rows, uint32_t count = 0) {
    const Rows& source_rows = rows_of(cols);
    const uint64_t its_seed = ++seed;
    std::vector<uint64_t> tensor = {cols, rows};
    if (count != 0) tensor.push_back(count);
    writer.add_tensor(
        name + ".weight", tensor, source_rows.dtype(),
        [&source_rows, its_seed](std::span<std::byte> out) { source_rows.fill(out, its_seed); });
  };
  const auto vector = [&](const std::string& name, uint32_t size, float value) {
    writer.add_tensor(name, {size}, quant::Dtype::kF32, [value](std::span<std::byte> out) {
      for (size_t at = 0; at < out.size(); at += sizeof value) std::memcpy(&out[at], &value, sizeof value);
    });
  };
  matrix("token_embd", shape.width, vocab);
  vector("output_norm.weight", shape.width, 1);
  for (uint32_t i = 0; i < shape.layers; ++i) {
    const std::string block = "blk." + std::to_string(i) + ".";
    const uint32_t queries = shape.heads * shape.head_dim, keys = shape.kv_heads * shape.head_dim;
    vector(block + "attn_norm.weight", shape.width, 1);
    matrix(block + "attn_q", shape.width, queries);
    matrix(block + "attn_k", shape.width, keys);
    matrix(block + "attn_v", shape.width, keys);
    matrix(block + "attn_output", queries, shape.width);
    if (shape.biases) {
      vector(block + "attn_q.bias", queries, 0);
      vector(block + "attn_k.bias", keys, 0);
      vector(block + "attn_v.bias", keys, 0);
    }
    vector(block + "ffn_norm.weight", shape.width, 1);
    const bool mixed = shape.experts != 0;
    if (mixed) matrix(block + "ffn_gate_inp", shape.width, shape.experts);
    const std::string exps = mixed ? "_exps" : "";
    matrix(block + "ffn_gate" + exps, shape.width, shape.hidden, shape.experts);
    matrix(block + "ffn_up" + exps, shape.width, shape.hidden, shape.experts);
    matrix(block + "ffn_down" + exps, shape.hidden, shape.width, shape.experts);
  }
  writer.write(path);
}

const Shape& need_shape(std::string_view name) {
  std::string names;
  for (const Shape& shape : kShapes) {
    if (shape.name == name) return shape;
    names += (names.empty() ? "" : ", ") + std::string(shape.name);
  }
  throw Error(ErrorCode::kUsage, "there is no such shape", std::string(name), "choose one of " + names);
}

// Also where a row is not whole blocks of it: then what takes over must be one that can be made.
quant::Dtype need_type(std::string_view name) {
  const quant::DtypeFacts* found = quant::find_dtype(name);
  if (found != nullptr && found->is_weight && quant::can_encode(found->dtype)) return found->dtype;
  std::string names;
  for (const quant::DtypeFacts& type : quant::dtype_table())
    if (type.is_weight && quant::can_encode(type.dtype))
      names += (names.empty() ? "" : ", ") + std::string(type.name);
  throw Error(ErrorCode::kUsage, "no matrix can be of this type", std::string(name),
              "choose one of " + names);
}

int run(int argc, char** argv) {
  if (argc != 5) throw Error(ErrorCode::kUsage, "four words are wanted: OUT.gguf SHAPE TYPE VOCABULARY.gguf");
  make(argv[1], need_shape(argv[2]), need_type(argv[3]), argv[4]);
  return 0;
}

}  // namespace
}  // namespace gantry

int main(int argc, char** argv) {
  try {
    return gantry::run(argc, argv);
  } catch (const gantry::Error& error) {
    std::fprintf(stderr, "gantry_bench_model: %s\n", error.what());
    return gantry::error_facts(error.code()).exit_status;
  }
}
