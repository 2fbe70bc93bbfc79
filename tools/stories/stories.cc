#include "tools/stories/stories.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "gguf/writer.h"
#include "os/file.h"

namespace gantry::tools {
namespace {

constexpr uint64_t kFileLimit = uint64_t{1} << 30;
constexpr int32_t kExtentLimit = 1 << 20;  // of any number in the checkpoint's header
constexpr float kNormEpsilon = 1e-5f;      // llama2.c's, not in the file
constexpr float kRopeTheta = 10000;
constexpr int32_t kUnknown = 0, kBegin = 1, kEnd = 2, kFirstByte = 3, kFirstPiece = 259;

// tokenizer.ggml.token_type
constexpr int32_t kTypeNormal = 1, kTypeUnknown = 2, kTypeControl = 3, kTypeByte = 6;

// Bytes from the front of a file; running out is an Error that names the file and place.
class Bytes {
 public:
  explicit Bytes(std::string path) : path_(std::move(path)), bytes_(os::read_file(path_, kFileLimit)) {}

  std::string_view take(uint64_t count, const char* what) {
    if (count > bytes_.size() - at_)
      throw Error(ErrorCode::kBadFile, fmt::format("the file ends inside its {}", what),
                  fmt::format("{}, byte {}", path_, at_), "fetch the file again");
    const std::string_view out = std::string_view(bytes_).substr(at_, count);
    at_ += count;
    return out;
  }
  template <typename T>
  T read(const char* what) {
    T value;
    std::memcpy(&value, take(sizeof(T), what).data(), sizeof(T));
    return value;
  }
  std::vector<float> floats(uint64_t count, const char* what) {
    std::vector<float> out;
    const std::string_view raw = take(count * sizeof(float), what);
    out.resize(count);
    std::memcpy(out.data(), raw.data(), raw.size());
    return out;
  }
  int32_t extent(const char* what) {
    const auto value = read<int32_t>(what);
    if (value < 1 || value > kExtentLimit)
      throw Error(ErrorCode::kBadFile, fmt::format("{} is {}, not from 1 to {}", what, value, kExtentLimit),
                  path_, "only checkpoints with a tied output are read");
    return value;
  }

 private:
  std::string path_;
  std::string bytes_;
  uint64_t at_ = 0;
};

struct Shape {
  uint32_t dim, hidden, layers, heads, kv_heads, vocab, context;
  uint32_t kv_dim() const { return dim / heads * kv_heads; }
};

Shape read_shape(Bytes& file, const std::string& path) {
  const auto next = [&](const char* what) { return static_cast<uint32_t>(file.extent(what)); };
  Shape s{};
  s.dim = next("dim");
  s.hidden = next("hidden_dim");
  s.layers = next("n_layers");
  s.heads = next("n_heads");
  s.kv_heads = next("n_kv_heads");
  s.vocab = next("vocab_size");
  s.context = next("seq_len");
  if (s.dim % s.heads != 0 || s.heads % s.kv_heads != 0)
    throw Error(
        ErrorCode::kBadFile,
        fmt::format("{} values do not fall to {} heads, {} of them with keys", s.dim, s.heads, s.kv_heads),
        path, "fetch the file again");
  return s;
}

// The piece as SentencePiece stores it: spaces as U+2581.
std::string as_piece(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == ' ')
      out += "\xe2\x96\x81";
    else
      out += c;
  }
  return out;
}

void add_vocabulary(gguf::Writer& writer, const std::string& path, uint32_t count) {
  Bytes file(path);
  file.read<int32_t>("longest piece");
  std::vector<std::string> tokens;
  std::vector<float> scores;
  std::vector<int32_t> types;
  for (int32_t id = 0; id < static_cast<int32_t>(count); ++id) {
    scores.push_back(file.read<float>("scores"));
    const auto length = file.read<int32_t>("lengths");
    std::string_view text = file.take(length < 0 ? ~uint64_t{0} : static_cast<uint64_t>(length), "pieces");
    if (id == kBegin || id == kEnd)
      text = id == kBegin ? "<s>" : "</s>";  // the file has them between newlines
    tokens.push_back(as_piece(text));
    types.push_back(id == kUnknown     ? kTypeUnknown
                    : id < kFirstByte  ? kTypeControl
                    : id < kFirstPiece ? kTypeByte
                                       : kTypeNormal);
  }
  writer.add_string("tokenizer.ggml.model", "llama");
  writer.add_string("tokenizer.ggml.pre", "default");
  writer.add_strings("tokenizer.ggml.tokens", tokens);
  writer.add_floats("tokenizer.ggml.scores", scores);
  writer.add_ints("tokenizer.ggml.token_type", types);
  writer.add_uint("tokenizer.ggml.bos_token_id", kBegin);
  writer.add_uint("tokenizer.ggml.eos_token_id", kEnd);
  writer.add_uint("tokenizer.ggml.unknown_token_id", kUnknown);
  writer.add_bool("tokenizer.ggml.add_bos_token", true);
  writer.add_bool("tokenizer.ggml.add_eos_token", false);
  writer.add_bool("tokenizer.ggml.add_space_prefix", true);
}

uint32_t file_type(quant::Dtype dtype) {
  if (dtype == quant::Dtype::kF32) return 0;
  if (dtype == quant::Dtype::kF16) return 1;
  if (dtype == quant::Dtype::kQ8_0) return 7;
  throw Error(ErrorCode::kUsage, fmt::format("no story model of type {}", quant::facts(dtype).name), {},
              "choose f32, f16 or q8_0");
}

void add_metadata(gguf::Writer& writer, const Shape& s, quant::Dtype dtype) {
  writer.add_string("general.architecture", "llama");
  writer.add_string("general.name", "stories260K");
  writer.add_uint("general.file_type", file_type(dtype));
  writer.add_uint("general.quantization_version", 2);
  writer.add_uint("llama.context_length", s.context);
  writer.add_uint("llama.embedding_length", s.dim);
  writer.add_uint("llama.block_count", s.layers);
  writer.add_uint("llama.feed_forward_length", s.hidden);
  writer.add_uint("llama.attention.head_count", s.heads);
  writer.add_uint("llama.attention.head_count_kv", s.kv_heads);
  writer.add_float("llama.attention.layer_norm_rms_epsilon", kNormEpsilon);
  writer.add_uint("llama.rope.dimension_count", s.dim / s.heads);
  writer.add_float("llama.rope.freq_base", kRopeTheta);
  writer.add_uint("llama.vocab_size", s.vocab);
}

void add_matrix(gguf::Writer& writer, const std::string& name, std::span<const float> values,
                uint64_t columns, uint64_t rows, quant::Dtype dtype) {
  if (columns % quant::facts(dtype).block_values != 0) dtype = quant::Dtype::kF16;
  const uint64_t stride = quant::row_bytes(dtype, columns);
  std::vector<std::byte> bytes(stride * rows);
  for (uint64_t r = 0; r < rows; ++r)
    quant::encode_row(dtype, values.subspan(r * columns, columns),
                      std::span(bytes).subspan(r * stride, stride));
  writer.add_tensor(name, {columns, rows}, dtype, bytes);
}

void add_norm(gguf::Writer& writer, const std::string& name, std::span<const float> values) {
  writer.add_tensor(name, {values.size()}, quant::Dtype::kF32, std::as_bytes(values));
}

// One kind of weight for all layers, as the checkpoint stores it: [layers][rows][columns].
struct Stack {
  const char* name;
  uint64_t columns, rows;  // rows 0: a norm, one vector of `columns`
};

void add_tensors(gguf::Writer& writer, Bytes& file, const Shape& s, quant::Dtype dtype) {
  add_matrix(writer, "token_embd.weight", file.floats(uint64_t{s.vocab} * s.dim, "token_embd"), s.dim,
             s.vocab, dtype);
  const std::array<Stack, 9> stacks = {{{"attn_norm", s.dim, 0},
                                        {"attn_q", s.dim, s.dim},
                                        {"attn_k", s.dim, s.kv_dim()},
                                        {"attn_v", s.dim, s.kv_dim()},
                                        {"attn_output", s.dim, s.dim},
                                        {"ffn_norm", s.dim, 0},
                                        {"ffn_gate", s.dim, s.hidden},
                                        {"ffn_down", s.hidden, s.dim},
                                        {"ffn_up", s.dim, s.hidden}}};
  for (const Stack& stack : stacks) {
    const uint64_t size = stack.columns * std::max<uint64_t>(stack.rows, 1);
    for (uint32_t layer = 0; layer < s.layers; ++layer) {
      const std::string name = fmt::format("blk.{}.{}.weight", layer, stack.name);
      const std::vector<float> values = file.floats(size, stack.name);
      if (stack.rows == 0)
        add_norm(writer, name, values);
      else
        add_matrix(writer, name, values, stack.columns, stack.rows, dtype);
    }
  }
  add_norm(writer, "output_norm.weight", file.floats(s.dim, "output_norm"));
}

}  // namespace

std::vector<std::byte> make_stories_gguf(const std::string& dir, quant::Dtype dtype) {
  const std::string path = dir + "/stories260K.bin";
  Bytes file(path);
  const Shape shape = read_shape(file, path);
  gguf::Writer writer;
  add_metadata(writer, shape, dtype);
  add_vocabulary(writer, dir + "/tok512.bin", shape.vocab);
  add_tensors(writer, file, shape, dtype);
  return writer.to_bytes();
}

}  // namespace gantry::tools
