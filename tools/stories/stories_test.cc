#include "tools/stories/stories.h"

#include <cmath>
#include <cstring>
#include <filesystem>

#include <gtest/gtest.h>
#include <stdlib.h>

#include "base/error.h"
#include "gguf/gguf.h"
#include "os/file.h"
#include "tests/shared_data.h"

namespace gantry::tools {
namespace {

constexpr const char* kDir = "conformance/weights/stories260K";

std::vector<float> decoded(const gguf::GgufFile& file, const std::string& name) {
  const gguf::TensorInfo* tensor = file.find_tensor(name);
  EXPECT_NE(tensor, nullptr) << name;
  if (tensor == nullptr) return {};
  std::vector<float> out(tensor->values());
  const uint64_t columns = tensor->shape[0], stride = quant::row_bytes(*tensor->dtype, columns);
  for (uint64_t r = 0; r < out.size() / columns; ++r)
    quant::decode_row(*tensor->dtype, file.data(*tensor).subspan(r * stride, stride),
                      std::span(out).subspan(r * columns, columns));
  return out;
}

TEST(Stories, HasTheTensorsAndKeysOfALlama) {
  GANTRY_NEED_SHARED(kDir);
  const std::vector<std::byte> bytes = make_stories_gguf(testing::shared_path(kDir), quant::Dtype::kF32);
  const auto file = gguf::GgufFile::parse(bytes, "stories");
  const gguf::Metadata& m = file->metadata();
  EXPECT_EQ(m.need_string("general.architecture"), "llama");
  EXPECT_EQ(m.need_uint("llama.block_count"), 5u);
  EXPECT_EQ(m.need_uint("llama.attention.head_count_kv"), 4u);
  EXPECT_EQ(m.need_uint("llama.rope.dimension_count"), 8u);
  EXPECT_EQ(m.need_uint("llama.context_length"), 512u);
  const auto& tokens = m.need_array("tokenizer.ggml.tokens", gguf::ValueType::kString).strings;
  ASSERT_EQ(tokens.size(), 512u);
  EXPECT_EQ(tokens[0], "<unk>");
  EXPECT_EQ(tokens[1], "<s>");
  EXPECT_EQ(tokens[3], "<0x00>");
  EXPECT_EQ(tokens[265], "\xe2\x96\x81the");
  const gguf::Array& types = m.need_array("tokenizer.ggml.token_type", gguf::ValueType::kI32);
  EXPECT_EQ(types.as_int(0), 2);
  EXPECT_EQ(types.as_int(2), 3);
  EXPECT_EQ(types.as_int(258), 6);
  EXPECT_EQ(types.as_int(259), 1);
  EXPECT_EQ(m.need_array("tokenizer.ggml.scores", gguf::ValueType::kF32).as_double(261), -2);
  EXPECT_EQ(file->tensors().size(), 2u + 5 * 9);
  EXPECT_EQ(file->find_tensor("output.weight"), nullptr);
  EXPECT_EQ(file->find_tensor("blk.4.ffn_down.weight")->shape, (std::vector<uint64_t>{172, 64}));
  EXPECT_EQ(file->find_tensor("blk.0.attn_k.weight")->shape, (std::vector<uint64_t>{64, 32}));
}

// The places in the checkpoint are computed here from its documented order, not by the converter's walk.
TEST(Stories, WeightsAreTheCheckpoints) {
  GANTRY_NEED_SHARED(kDir);
  const std::string dir = testing::shared_path(kDir);
  const std::string raw = testing::read_bytes(dir + "/stories260K.bin");
  const auto floats = [&](size_t at, size_t count) {
    std::vector<float> out(count);
    std::memcpy(out.data(), raw.data() + 28 + 4 * at, 4 * count);
    return out;
  };
  const std::vector<std::byte> bytes = make_stories_gguf(dir, quant::Dtype::kF32);
  const auto file = gguf::GgufFile::parse(bytes, "stories");
  size_t at = 0;
  EXPECT_EQ(decoded(*file, "token_embd.weight"), floats(at, 512 * 64));
  at += 512 * 64;
  struct Kind {
    const char* name;
    size_t count;
  };
  for (const Kind& kind :
       {Kind{"attn_norm", 64}, Kind{"attn_q", 64 * 64}, Kind{"attn_k", 32 * 64}, Kind{"attn_v", 32 * 64},
        Kind{"attn_output", 64 * 64}, Kind{"ffn_norm", 64}, Kind{"ffn_gate", 172 * 64},
        Kind{"ffn_down", 64 * 172}, Kind{"ffn_up", 172 * 64}}) {
    for (int layer = 0; layer < 5; ++layer) {
      const std::string name = "blk." + std::to_string(layer) + "." + kind.name + ".weight";
      EXPECT_EQ(decoded(*file, name), floats(at, kind.count)) << name;
      at += kind.count;
    }
  }
  EXPECT_EQ(decoded(*file, "output_norm.weight"), floats(at, 64));
  EXPECT_EQ(28 + 4 * (at + 64 + 2 * 512 * 4), raw.size()) << "the two RoPE tables are what is left";
}

TEST(Stories, SmallerTypes) {
  GANTRY_NEED_SHARED(kDir);
  const std::string dir = testing::shared_path(kDir);
  const std::vector<std::byte> exact = make_stories_gguf(dir, quant::Dtype::kF32);
  const auto truth = gguf::GgufFile::parse(exact, "f32");
  for (const quant::Dtype dtype : {quant::Dtype::kF16, quant::Dtype::kQ8_0}) {
    const std::vector<std::byte> bytes = make_stories_gguf(dir, dtype);
    const auto file = gguf::GgufFile::parse(bytes, "small");
    EXPECT_EQ(file->find_tensor("blk.0.attn_q.weight")->dtype, dtype);
    EXPECT_EQ(file->find_tensor("blk.0.ffn_down.weight")->dtype, quant::Dtype::kF16);
    EXPECT_EQ(file->find_tensor("blk.0.ffn_norm.weight")->dtype, quant::Dtype::kF32);
    for (const gguf::TensorInfo& tensor : truth->tensors()) {
      const std::vector<float> want = decoded(*truth, std::string(tensor.name));
      const std::vector<float> got = decoded(*file, std::string(tensor.name));
      ASSERT_EQ(got.size(), want.size());
      double error = 0, power = 0;
      for (size_t i = 0; i < want.size(); ++i) {
        error += std::pow(static_cast<double>(got[i]) - static_cast<double>(want[i]), 2);
        power += std::pow(static_cast<double>(want[i]), 2);
      }
      EXPECT_LT(error, 1e-4 * power) << tensor.name;
    }
  }
  EXPECT_THROW(make_stories_gguf(dir, quant::Dtype::kQ4_K), Error);
}

TEST(Stories, DamagedCheckpointsAreRefused) {
  GANTRY_NEED_SHARED(kDir);
  namespace fs = std::filesystem;
  std::string pattern = (fs::temp_directory_path() / "gantry-stories-XXXXXX").string();
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  const std::string weights =
      testing::read_bytes(testing::shared_path(kDir) + std::string("/stories260K.bin"));
  const std::string vocabulary = testing::read_bytes(testing::shared_path(kDir) + std::string("/tok512.bin"));
  const auto refused = [&](const std::string& model, const std::string& tokens) {
    os::write_file_atomically(pattern + "/stories260K.bin", model);
    os::write_file_atomically(pattern + "/tok512.bin", tokens);
    try {
      make_stories_gguf(pattern, quant::Dtype::kF32);
    } catch (const Error& error) {
      return error.code() == ErrorCode::kBadFile && !error.where().empty();
    }
    return false;
  };
  EXPECT_FALSE(refused(weights, vocabulary));
  EXPECT_TRUE(refused(weights.substr(0, weights.size() / 2), vocabulary));
  EXPECT_TRUE(refused(weights.substr(0, 20), vocabulary));
  EXPECT_TRUE(refused(weights, vocabulary.substr(0, 1000)));
  std::string heads = weights;
  heads[12] = 7;  // n_heads
  EXPECT_TRUE(refused(heads, vocabulary));
  heads[12] = 0;
  EXPECT_TRUE(refused(heads, vocabulary));
  std::string length = vocabulary;
  length[11] = '\x80';  // the first piece's length is negative
  EXPECT_TRUE(refused(weights, length));
  fs::remove_all(pattern);
}

}  // namespace
}  // namespace gantry::tools
