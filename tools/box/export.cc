// gantry_box_export IN_DIR OUT.gguf [q8_0|f16|f32]: the trainer's float32 weights (weights.bin) and their
// description (model.json, written by dump.py) as a GGUF file. Matrices get the type asked for, norms stay
// F32.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "gguf/writer.h"
#include "os/file.h"

namespace gantry {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kFileLimit = uint64_t{256} << 20;
constexpr int32_t kTypeNormal = 1, kTypeControl = 3;                     // tokenizer.ggml.token_type
constexpr uint32_t kFileTypeF32 = 0, kFileTypeF16 = 1, kFileTypeQ8 = 7;  // general.file_type

[[noreturn]] void refuse(const std::string& what, const std::string& where) {
  throw Error(ErrorCode::kBadFile, what, where, "run tools/box/dump.py again");
}

uint32_t file_type(quant::Dtype dtype) {
  if (dtype == quant::Dtype::kQ8_0) return kFileTypeQ8;
  if (dtype == quant::Dtype::kF16) return kFileTypeF16;
  if (dtype == quant::Dtype::kF32) return kFileTypeF32;
  throw Error(ErrorCode::kUsage, "the type of the matrices is q8_0, f16 or f32");
}

void add_general(gguf::Writer& writer, quant::Dtype dtype) {
  writer.add_string("general.architecture", "llama");
  writer.add_string("general.name", "gantry-box");
  writer.add_string("general.description",
                    "A very small model that comes with Gantry: short talk in plain English about itself and "
                    "Gantry. Often wrong.");
  writer.add_string("general.languages", "en");
  writer.add_uint("general.file_type", file_type(dtype));
  writer.add_uint("general.quantization_version", 2);
}

void add_shape(gguf::Writer& writer, const Json& shape) {
  const auto number = [&](const char* key) { return shape.at(key).get<uint32_t>(); };
  writer.add_uint("llama.context_length", number("context"));
  writer.add_uint("llama.embedding_length", number("width"));
  writer.add_uint("llama.block_count", number("layers"));
  writer.add_uint("llama.feed_forward_length", number("hidden"));
  writer.add_uint("llama.attention.head_count", number("heads"));
  writer.add_uint("llama.attention.head_count_kv", number("kv_heads"));
  if (number("heads") == 0) refuse("a model without heads", "shape");
  writer.add_uint("llama.rope.dimension_count", number("width") / number("heads"));
  writer.add_float("llama.rope.freq_base", shape.at("theta").get<float>());
  writer.add_float("llama.attention.layer_norm_rms_epsilon", shape.at("epsilon").get<float>());
  writer.add_uint("llama.vocab_size", number("vocabulary"));
}

void add_vocabulary(gguf::Writer& writer, const Json& model) {
  const auto tokens = model.at("tokens").get<std::vector<std::string>>();
  std::vector<int32_t> types(tokens.size(), kTypeNormal);
  for (const Json& id : model.at("controls")) types.at(id.get<size_t>()) = kTypeControl;
  writer.add_string("tokenizer.ggml.model", "gpt2");
  writer.add_string("tokenizer.ggml.pre", model.at("pre").get<std::string>());
  writer.add_strings("tokenizer.ggml.tokens", tokens);
  writer.add_ints("tokenizer.ggml.token_type", types);
  writer.add_strings("tokenizer.ggml.merges", model.at("merges").get<std::vector<std::string>>());
  writer.add_uint("tokenizer.ggml.bos_token_id", model.at("bos").get<uint32_t>());
  writer.add_uint("tokenizer.ggml.eos_token_id", model.at("eos").get<uint32_t>());
  writer.add_uint("tokenizer.ggml.padding_token_id", model.at("pad").get<uint32_t>());
  writer.add_bool("tokenizer.ggml.add_bos_token", false);
  writer.add_string("tokenizer.chat_template", model.at("chat_template").get<std::string>());
}

void add_tensor(gguf::Writer& writer, const Json& tensor, std::string_view weights, quant::Dtype matrices) {
  const auto name = tensor.at("name").get<std::string>();
  const auto shape = tensor.at("shape").get<std::vector<uint64_t>>();
  const auto at = tensor.at("at").get<uint64_t>();
  if (shape.empty() || shape.size() > 2) refuse("a tensor is a vector or a matrix", name);
  const uint64_t columns = shape[0], rows = shape.size() == 2 ? shape[1] : 1;
  const uint64_t have = weights.size() / sizeof(float);
  if (columns == 0 || rows == 0 || at > have || rows > (have - at) / columns)
    refuse("the weights end before this tensor", name);
  const quant::Dtype dtype = shape.size() == 2 ? matrices : quant::Dtype::kF32;
  if (columns % quant::facts(dtype).block_values != 0) refuse("its rows are not whole blocks", name);
  const uint64_t stride = quant::row_bytes(dtype, columns);
  std::vector<std::byte> bytes(stride * rows);
  std::vector<float> row(columns);
  for (uint64_t r = 0; r < rows; ++r) {
    std::memcpy(row.data(), weights.data() + (at + r * columns) * sizeof(float), columns * sizeof(float));
    quant::encode_row(dtype, row, std::span(bytes).subspan(r * stride, stride));
  }
  writer.add_tensor(name, shape, dtype, std::span<const std::byte>(bytes));
}

void make(const std::string& in, const std::string& out, quant::Dtype matrices) {
  const std::string path = in + "/model.json";
  const std::string text = os::read_file(path, kFileLimit);
  const std::string weights = os::read_file(in + "/weights.bin", kFileLimit);
  try {
    const Json model = Json::parse(text);
    gguf::Writer writer;
    add_general(writer, matrices);
    add_shape(writer, model.at("shape"));
    add_vocabulary(writer, model);
    for (const Json& tensor : model.at("tensors")) add_tensor(writer, tensor, weights, matrices);
    writer.write(out);
  } catch (const Json::exception& error) {
    refuse(error.what(), path);
  } catch (const std::out_of_range&) {
    refuse("a control token is not in the vocabulary", path);
  }
}

}  // namespace
}  // namespace gantry

int main(int argc, char** argv) {
  using namespace gantry;
  try {
    if (argc != 3 && argc != 4)
      throw Error(ErrorCode::kUsage, "usage: gantry_box_export IN_DIR OUT.gguf [q8_0|f16|f32]");
    const auto* facts = quant::find_dtype(std::string_view(argc == 4 ? argv[3] : "q8_0"));
    if (facts == nullptr) throw Error(ErrorCode::kUsage, "no such type", argv[3], "q8_0, f16 or f32");
    make(argv[1], argv[2], facts->dtype);
    return 0;
  } catch (const Error& error) {
    fmt::print(stderr, "gantry_box_export: {}\n", error.what());
    return error_facts(error.code()).exit_status;
  }
}
