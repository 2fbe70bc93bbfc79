// One model in the different forms that files give it has one answer: experts in one tensor or one for each,
// gate and up apart or merged, latent attention's halves apart or merged. And what quantized experts cost.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "gguf/writer.h"
#include "tests/model/fixture.h"

namespace gantry {
namespace {

using quant::Dtype;
using testing::logits_of;
using testing::same_bits;

struct Tensor {
  std::vector<uint64_t> shape;
  Dtype dtype = Dtype::kF32;
  std::vector<std::byte> bytes;
};

std::span<const std::byte> part(const Tensor& tensor, uint64_t index, uint64_t count) {
  const uint64_t each = tensor.bytes.size() / count;
  return std::span(tensor.bytes).subspan(index * each, each);
}
void append(Tensor& to, std::span<const std::byte> bytes) {
  to.bytes.insert(to.bytes.end(), bytes.begin(), bytes.end());
}

// A model of conformance/logits taken apart, changed, and written beside the tests.
class Forms : public ::testing::Test {
 protected:
  using Tensors = std::map<std::string, Tensor>;

  void open(const std::string& name) {
    name_ = name;
    const std::string path = testing::shared_path("conformance/logits/" + name);
    source_ = gguf::GgufFile::open(path + ".gguf");
    tokens_ = testing::read_tokens(path + ".tokens.txt");
    for (const gguf::TensorInfo& info : source_->tensors()) {
      const auto data = source_->data(info);
      tensors_[std::string(info.name)] = {info.shape, *info.dtype, {data.begin(), data.end()}};
    }
  }
  void TearDown() override {
    for (const std::string& path : written_) std::filesystem::remove(path);
  }

  // Calls function(prefix) for "blk.0.", "blk.1.", ... that have the tensor.
  void each_layer(const std::string& having, const std::function<void(const std::string&)>& function) {
    for (int layer = 0; layer < 64; ++layer) {
      const std::string prefix = "blk." + std::to_string(layer) + ".";
      if (tensors_.contains(prefix + having)) function(prefix);
    }
  }
  Tensor take(const std::string& name) {
    const auto node = tensors_.extract(name);
    return node.mapped();
  }

  fleet::LoadSettings write() {
    gguf::Writer writer;
    for (const gguf::KeyValue& entry : source_->metadata().entries()) {
      if (!without_.contains(std::string(entry.key))) writer.add_value(entry.key, entry.value);
    }
    for (const auto& [name, tensor] : tensors_)
      writer.add_tensor(name, tensor.shape, tensor.dtype, tensor.bytes);
    fleet::LoadSettings settings;
    settings.model_path =
        (std::filesystem::temp_directory_path() /
         ("gantry_forms_" + std::to_string(::getpid()) + "_" + std::to_string(written_.size()) + ".gguf"))
            .string();
    settings.kv_type = "f32";
    writer.write(settings.model_path);
    written_.push_back(settings.model_path);
    return settings;
  }
  std::vector<float> logits() { return logits_of(write(), tokens_); }

  std::string name_;
  std::unique_ptr<gguf::GgufFile> source_;
  std::vector<TokenId> tokens_;
  Tensors tensors_;
  std::set<std::string> without_;  // keys
  std::vector<std::string> written_;
};

TEST_F(Forms, ATensorForEachExpert) {
  GANTRY_NEED_SHARED("conformance/logits/llama-moe.gguf");
  open("llama-moe");
  const std::vector<float> whole = logits();
  each_layer("ffn_gate_exps.weight", [&](const std::string& prefix) {
    for (const std::string what : {"gate", "up", "down"}) {
      const Tensor all = take(prefix + "ffn_" + what + "_exps.weight");
      const uint64_t count = all.shape[2];
      for (uint64_t expert = 0; expert < count; ++expert) {
        Tensor& one = tensors_[prefix + "ffn_" + what + "." + std::to_string(expert) + ".weight"];
        one.shape = {all.shape[0], all.shape[1]};
        append(one, part(all, expert, count));
      }
    }
  });
  EXPECT_TRUE(same_bits(logits(), whole));
  tensors_.erase("blk.1.ffn_up.5.weight");
  try {
    logits();
    FAIL() << "an expert was missing";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadFile);
    EXPECT_NE(std::string(error.what()).find("blk.1.ffn_up.5.weight"), std::string::npos) << error.what();
  }
}

TEST_F(Forms, GateAndUpMerged) {
  GANTRY_NEED_SHARED("conformance/logits/gpt-oss.gguf");
  for (const char* name : {"qwen3moe", "gpt-oss", "ernie4_5-moe"}) {
    tensors_.clear();
    open(name);
    const std::vector<float> apart = logits();
    each_layer("ffn_gate_exps.weight", [&](const std::string& prefix) {
      for (const std::string suffix : {"weight", "bias"}) {
        if (!tensors_.contains(prefix + "ffn_gate_exps." + suffix)) continue;
        const Tensor gate = take(prefix + "ffn_gate_exps." + suffix);
        const Tensor up = take(prefix + "ffn_up_exps." + suffix);
        Tensor& both = tensors_[prefix + "ffn_gate_up_exps." + suffix];
        both.shape = gate.shape;
        both.shape[gate.shape.size() - 2] *= 2;
        for (uint64_t expert = 0; expert < gate.shape.back(); ++expert) {
          append(both, part(gate, expert, gate.shape.back()));
          append(both, part(up, expert, gate.shape.back()));
        }
      }
    });
    EXPECT_TRUE(same_bits(logits(), apart)) << name;
  }
}

// [rows][cols] to [cols][rows]
std::vector<std::byte> turned(std::span<const std::byte> bytes, uint64_t rows, uint64_t cols) {
  std::vector<std::byte> out(bytes.size());
  for (uint64_t row = 0; row < rows; ++row) {
    for (uint64_t col = 0; col < cols; ++col)
      std::memcpy(&out[(col * rows + row) * 4], &bytes[(row * cols + col) * 4], 4);
  }
  return out;
}

TEST_F(Forms, LatentHalvesMerged) {
  GANTRY_NEED_SHARED("conformance/logits/deepseek2.gguf");
  open("deepseek2");
  const std::vector<float> apart = logits();
  each_layer("attn_k_b.weight", [&](const std::string& prefix) {
    const Tensor k = take(prefix + "attn_k_b.weight"), v = take(prefix + "attn_v_b.weight");
    const uint64_t plain = k.shape[0], rank = k.shape[1], values = v.shape[1];
    const uint64_t heads = k.shape.size() > 2 ? k.shape[2] : 1;
    Tensor& both = tensors_[prefix + "attn_kv_b.weight"];
    both.shape = {rank, heads * (plain + values)};
    for (uint64_t head = 0; head < heads; ++head) {
      append(both, turned(part(k, head, heads), rank, plain));
      append(both, part(v, head, heads));
    }
  });
  EXPECT_TRUE(same_bits(logits(), apart));
}

// Queries straight from x: the two matrices that made them, without the norm between, are one.
TEST_F(Forms, LiteQueriesAreRead) {
  GANTRY_NEED_SHARED("conformance/logits/deepseek2.gguf");
  open("deepseek2");
  each_layer("attn_q_a.weight", [&](const std::string& prefix) {
    const Tensor a = take(prefix + "attn_q_a.weight"), b = take(prefix + "attn_q_b.weight");
    take(prefix + "attn_q_a_norm.weight");
    Tensor& q = tensors_[prefix + "attn_q.weight"];
    q.shape = {a.shape[0], b.shape[1]};
    q.bytes.resize(q.shape[0] * q.shape[1] * 4);
    std::memcpy(q.bytes.data(), b.bytes.data(), std::min(q.bytes.size(), b.bytes.size()));
  });
  without_.insert("deepseek2.attention.q_lora_rank");
  const fleet::LoadSettings settings = write();
  const std::vector<float> whole = logits_of(settings, tokens_);
  for (const float value : whole) ASSERT_TRUE(std::isfinite(value));
  EXPECT_TRUE(same_bits(logits_of(settings, tokens_, 3), whole));
}

// Experts in blocks: near the exact answer, and one answer whatever the slices, threads and instruction sets.
TEST_F(Forms, QuantizedExperts) {
  GANTRY_NEED_SHARED("conformance/logits/deepseek2.gguf");
  open("deepseek2");
  const std::vector<float> exact = logits();
  for (const auto& [dtype, limit] :
       {std::pair{Dtype::kF16, 1e-5}, {Dtype::kQ8_0, 1e-3}, {Dtype::kQ4_0, 0.1}}) {
    tensors_.clear();
    open("deepseek2");
    each_layer("ffn_down_exps.weight", [&, type = dtype](const std::string& prefix) {
      for (const std::string name : {"ffn_down_exps.weight", "ffn_gate_up_exps.weight"}) {
        Tensor& tensor = tensors_[prefix + name];
        const uint64_t rows = tensor.shape[1] * tensor.shape[2],
                       row_bytes = quant::row_bytes(type, tensor.shape[0]);
        std::vector<float> values(tensor.bytes.size() / 4);
        std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
        tensor.dtype = type;
        tensor.bytes.assign(rows * row_bytes, {});
        for (uint64_t row = 0; row < rows; ++row)
          quant::encode_row(type, std::span(values).subspan(row * tensor.shape[0], tensor.shape[0]),
                            std::span(tensor.bytes).subspan(row * row_bytes, row_bytes));
      }
    });
    fleet::LoadSettings settings = write();
    const std::vector<float> got = logits_of(settings, tokens_);
    const double error = testing::nmse(got, exact);
    EXPECT_LT(error, limit) << quant::facts(dtype).name;
    EXPECT_GT(error, 0) << quant::facts(dtype).name;
    for (const uint32_t slice : {1u, 5u})
      EXPECT_TRUE(same_bits(logits_of(settings, tokens_, slice), got)) << quant::facts(dtype).name;
    for (const std::string& isa : testing::usable_isas()) {
      settings.isa = isa;
      settings.threads = 3;
      EXPECT_TRUE(same_bits(logits_of(settings, tokens_), got)) << quant::facts(dtype).name << " on " << isa;
    }
  }
}

}  // namespace
}  // namespace gantry
