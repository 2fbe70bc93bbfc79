#include "arch/tiny_families.h"

#include <cmath>
#include <cstring>
#include <string_view>

#include "gguf/writer.h"
#include "quant/dtype.h"

namespace gantry::arch {
namespace {

constexpr uint32_t kWidth = 64, kHeadDim = 96;

// What grows with the number of ranks that a model can be shared out between: two sections of each sum for
// every pair of them.
struct Sizes {
  explicit Sizes(uint32_t ranks) : times((ranks + 1) / 2) {}
  uint32_t times;
  uint32_t hidden = 1024 * times, heads = 8 * times, kv_heads = 4 * times;
  uint32_t queries = heads * kHeadDim, keys = kv_heads * kHeadDim;
};

// Quick and good enough: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
float uniform(uint64_t seed, uint64_t i) {
  uint64_t x = (seed << 40) + i * 0x9E3779B97F4A7C15;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return static_cast<float>((x ^ (x >> 31)) >> 40) * 0x1p-24f;
}

// A file that grows tensor by tensor; every tensor has values of its own.
class Maker {
 public:
  const Sizes sizes;

  Maker(std::string arch, uint32_t layers, const Sizes& of, uint32_t width = kWidth)
      : sizes(of), arch_(std::move(arch)), layers_(layers), width_(width) {
    writer_.add_string("general.architecture", arch_);
    number("block_count", layers);
    number("embedding_length", width_);
    number("context_length", kTinyContext);
    tensor("token_embd.weight", {width_, kTinyVocab});
    vocabulary();
  }

  uint32_t layers() const { return layers_; }
  void number(const std::string& key, uint32_t value) { writer_.add_uint(arch_ + "." + key, value); }
  void numbers(const std::string& key, std::vector<int32_t> values) {
    writer_.add_ints(arch_ + "." + key, values);
  }
  void epsilon(const char* key) { writer_.add_float(arch_ + "." + key, 1e-5f); }
  void quantize(quant::Dtype dtype) { matrices_ = dtype; }

  void tensor(const std::string& name, std::vector<uint64_t> shape) {
    const bool matrix = shape.size() > 1 && name.ends_with(".weight") && name.find("norm") == name.npos &&
                        name.find("conv") == name.npos;
    const quant::Dtype dtype = matrix ? matrices_ : quant::Dtype::kF32;
    const uint64_t cols = shape[0];
    const uint64_t seed = ++seed_;
    const float scale = matrix ? 2 / std::sqrt(static_cast<float>(cols)) : 0.5f;
    // Norms and factors stand around one, what decays a state is negative.
    const bool factor = name.find("norm") != name.npos || name.find("freqs") != name.npos;
    const float middle = name.ends_with("ssm_a") ? -1.0f : factor ? 1.0f : 0.0f;
    const uint64_t row_bytes = quant::row_bytes(dtype, cols);
    writer_.add_tensor(name, std::move(shape), dtype, [=](std::span<std::byte> out) {
      std::vector<float> row(cols);
      for (uint64_t r = 0; r * row_bytes < out.size(); ++r) {
        for (uint64_t c = 0; c < cols; ++c) row[c] = middle + scale * (uniform(seed, r * cols + c) - 0.5f);
        quant::encode_row(dtype, row, out.subspan(r * row_bytes, row_bytes));
      }
    });
  }
  void linear(const std::string& name, uint64_t rows, uint64_t cols, bool bias) {
    tensor(name + ".weight", {cols, rows});
    if (bias) tensor(name + ".bias", {rows});
  }
  void norm(const std::string& name, bool bias = false) {
    tensor(name + ".weight", {width_});
    if (bias) tensor(name + ".bias", {width_});
  }

  // `queries`: values of a query head beside each other; two where one of them gates.
  void attention(const std::string& at, bool bias = false, uint32_t queries = 1) {
    linear(at + "attn_q", queries * sizes.queries, width_, bias);
    linear(at + "attn_k", sizes.keys, width_, bias);
    linear(at + "attn_v", sizes.keys, width_, bias);
    linear(at + "attn_output", width_, sizes.queries, bias);
  }
  void fused_attention(const std::string& at) {
    linear(at + "attn_qkv", sizes.queries + 2 * sizes.keys, width_, true);
    linear(at + "attn_output", width_, sizes.queries, true);
  }
  void head_norms(const std::string& at) {
    tensor(at + "attn_q_norm.weight", {kHeadDim});
    tensor(at + "attn_k_norm.weight", {kHeadDim});
  }
  void mlp(const std::string& at, const std::string& suffix = "") {
    linear(at + "ffn_gate" + suffix, sizes.hidden, width_, false);
    linear(at + "ffn_up" + suffix, sizes.hidden, width_, false);
    linear(at + "ffn_down" + suffix, width_, sizes.hidden, false);
  }
  void plain_mlp(const std::string& at) {
    linear(at + "ffn_up", sizes.hidden, width_, true);
    linear(at + "ffn_down", width_, sizes.hidden, true);
  }
  void experts(const std::string& at, uint32_t count, bool bias) {
    linear(at + "ffn_gate_inp", count, width_, bias);
    for (const char* what : {"gate", "up"}) {
      tensor(at + "ffn_" + what + "_exps.weight", {width_, sizes.hidden, count});
      if (bias) tensor(at + "ffn_" + what + "_exps.bias", {sizes.hidden, count});
    }
    tensor(at + "ffn_down_exps.weight", {sizes.hidden, width_, count});
    if (bias) tensor(at + "ffn_down_exps.bias", {width_, count});
  }

  // What every model with attention has.
  void trunk() { trunk(sizes.kv_heads); }
  void trunk(uint32_t kv_heads) {
    number("attention.head_count", sizes.heads);
    number("attention.head_count_kv", kv_heads);
    number("attention.key_length", kHeadDim);
    number("attention.value_length", kHeadDim);
    number("feed_forward_length", sizes.hidden);
  }
  template <typename Fill>
  void each_layer(const Fill& fill) {
    for (uint32_t i = 0; i < layers_; ++i) fill("blk." + std::to_string(i) + ".", i);
  }
  // Of gpt2's kind: q, k and v are one matrix, everything has biases.
  void fused_layers() {
    each_layer([&](const std::string& at, uint32_t) {
      norm(at + "attn_norm", true);
      fused_attention(at);
      norm(at + "ffn_norm", true);
      plain_mlp(at);
    });
  }
  std::vector<std::byte> bytes() const { return writer_.to_bytes(); }

 private:
  // Every byte, and a few letters.
  void vocabulary() {
    enum : int32_t { kNormal = 1, kUnknown = 2, kControl = 3, kByte = 6 };
    std::vector<std::string> tokens = {"<unk>", "<s>", "</s>"};
    std::vector<int32_t> kinds = {kUnknown, kControl, kControl};
    for (int byte = 0; byte < 256; ++byte) {
      constexpr const char* kDigits = "0123456789ABCDEF";
      tokens.push_back(std::string("<0x") + kDigits[byte / 16] + kDigits[byte % 16] + ">");
      kinds.push_back(kByte);
    }
    tokens.emplace_back("\xE2\x96\x81");
    for (char c = 'a'; tokens.size() < kTinyVocab; ++c) tokens.emplace_back(1, c);
    kinds.resize(kTinyVocab, kNormal);
    writer_.add_string("tokenizer.ggml.model", "llama");
    writer_.add_strings("tokenizer.ggml.tokens", tokens);
    writer_.add_floats("tokenizer.ggml.scores", std::vector<float>(kTinyVocab));
    writer_.add_ints("tokenizer.ggml.token_type", kinds);
    writer_.add_uint("tokenizer.ggml.bos_token_id", 1);
    writer_.add_uint("tokenizer.ggml.eos_token_id", 2);
    writer_.add_uint("tokenizer.ggml.unknown_token_id", 0);
  }

  const std::string arch_;
  const uint32_t layers_, width_;
  quant::Dtype matrices_ = quant::Dtype::kF32;
  uint64_t seed_ = 0;
  gguf::Writer writer_;
};

constexpr const char* kRmsEpsilon = "attention.layer_norm_rms_epsilon";
constexpr const char* kLayerEpsilon = "attention.layer_norm_epsilon";

// Of one type all matrices but the embedding, which serves as output too.
Maker llama(const Sizes& sizes, quant::Dtype dtype) {
  Maker m("llama", 3, sizes);
  m.trunk();
  m.epsilon(kRmsEpsilon);
  m.norm("output_norm");
  m.tensor("rope_freqs.weight", {kHeadDim / 2});  // goes into the rotation, is no weight
  m.quantize(dtype);
  m.each_layer([&](const std::string& at, uint32_t) {
    m.norm(at + "attn_norm");
    m.attention(at);
    m.norm(at + "ffn_norm");
    m.mlp(at);
  });
  return m;
}

// Every second layer sees a window; norms of the results too.
Maker gemma2(const Sizes& sizes) {
  Maker m("gemma2", 4, sizes);
  m.trunk();
  m.epsilon(kRmsEpsilon);
  m.number("attention.sliding_window", 48);
  m.norm("output_norm");
  m.each_layer([&](const std::string& at, uint32_t) {
    m.norm(at + "attn_norm");
    m.attention(at);
    m.norm(at + "post_attention_norm");
    m.norm(at + "ffn_norm");
    m.mlp(at);
    m.norm(at + "post_ffw_norm");
  });
  return m;
}

// Positions have embeddings.
Maker gpt2(const Sizes& sizes) {
  Maker m("gpt2", 3, sizes);
  m.trunk();
  m.epsilon(kLayerEpsilon);
  m.tensor("position_embd.weight", {kWidth, kTinyContext});
  m.norm("output_norm", true);
  m.linear("output", kTinyVocab, kWidth, false);
  m.fused_layers();
  return m;
}

// Scores fall with distance; the embedding is normed.
Maker bloom(const Sizes& sizes) {
  Maker m("bloom", 3, sizes);
  m.trunk();
  m.epsilon(kLayerEpsilon);
  m.norm("token_embd_norm", true);
  m.norm("output_norm", true);
  m.fused_layers();
  return m;
}

// Experts with biases, sinks, and windows in every second layer.
Maker gpt_oss(const Sizes& sizes) {
  Maker m("gpt-oss", 4, sizes);
  m.trunk();
  m.epsilon(kRmsEpsilon);
  m.number("attention.sliding_window", 40);
  m.number("expert_count", 4);
  m.number("expert_used_count", 2);
  m.norm("output_norm");
  m.linear("output", kTinyVocab, kWidth, false);
  m.each_layer([&](const std::string& at, uint32_t) {
    m.norm(at + "attn_norm");
    m.attention(at, true);
    m.tensor(at + "attn_sinks.weight", {sizes.heads});
    m.norm(at + "post_attention_norm");
    m.experts(at, 4, true);
  });
  return m;
}

// Latent attention, a dense layer, then experts and a shared one.
Maker deepseek2(const Sizes& sizes) {
  constexpr uint32_t kLatent = 32, kTurned = 8, kPlain = 16, kValue = 96, kQueryLatent = 48;
  Maker m("deepseek2", 3, sizes);
  m.trunk(1);
  m.epsilon(kRmsEpsilon);
  m.number("attention.kv_lora_rank", kLatent);
  m.number("attention.q_lora_rank", kQueryLatent);
  m.number("attention.key_length_mla", kPlain + kTurned);
  m.number("attention.value_length_mla", kValue);
  m.number("rope.dimension_count", kTurned);
  m.number("leading_dense_block_count", 1);
  m.number("expert_count", 4);
  m.number("expert_used_count", 2);
  m.number("expert_shared_count", 1);
  m.number("expert_feed_forward_length", sizes.hidden);
  m.norm("output_norm");
  m.linear("output", kTinyVocab, kWidth, false);
  m.each_layer([&](const std::string& at, uint32_t layer) {
    m.norm(at + "attn_norm");
    m.linear(at + "attn_q_a", kQueryLatent, kWidth, false);
    m.tensor(at + "attn_q_a_norm.weight", {kQueryLatent});
    m.linear(at + "attn_q_b", sizes.heads * (kPlain + kTurned), kQueryLatent, false);
    m.linear(at + "attn_kv_a_mqa", kLatent + kTurned, kWidth, false);
    m.tensor(at + "attn_kv_a_norm.weight", {kLatent});
    m.tensor(at + "attn_k_b.weight", {kPlain, kLatent, sizes.heads});
    m.tensor(at + "attn_v_b.weight", {kLatent, kValue, sizes.heads});
    m.linear(at + "attn_output", kWidth, sizes.heads * kValue, false);
    m.norm(at + "ffn_norm");
    if (layer == 0) {
      m.mlp(at);
    } else {
      m.experts(at, 4, false);
      m.mlp(at, "_shexp");
    }
  });
  return m;
}

// Layers that are a selective scan and nothing else.
Maker mamba2(const Sizes& sizes) {
  constexpr uint32_t kState = 16;
  const uint32_t inner = 768 * sizes.times, scan_heads = 12 * sizes.times, groups = 6 * sizes.times;
  const uint32_t channels = inner + 2 * groups * kState;
  Maker m("mamba2", 3, sizes);
  m.epsilon(kRmsEpsilon);
  m.number("ssm.conv_kernel", 4);
  m.number("ssm.inner_size", inner);
  m.number("ssm.state_size", kState);
  m.number("ssm.time_step_rank", scan_heads);
  m.number("ssm.group_count", groups);
  m.norm("output_norm");
  m.each_layer([&](const std::string& at, uint32_t) {
    m.norm(at + "attn_norm");
    m.linear(at + "ssm_in", inner + channels + scan_heads, kWidth, false);
    m.tensor(at + "ssm_conv1d.weight", {4, channels});
    m.tensor(at + "ssm_conv1d.bias", {channels});
    m.tensor(at + "ssm_dt.bias", {scan_heads});
    m.tensor(at + "ssm_a", {1, scan_heads});
    m.tensor(at + "ssm_d", {1, scan_heads});
    m.tensor(at + "ssm_norm.weight", {inner / groups, groups});
    m.linear(at + "ssm_out", kWidth, inner, false);
  });
  return m;
}

// Short convolutions, and a layer that attends among them.
Maker lfm2(const Sizes& sizes) {
  const uint32_t wide = sizes.hidden;
  Maker m("lfm2", 3, sizes, wide);
  m.number("attention.head_count", sizes.heads);
  m.number("attention.key_length", kHeadDim);
  m.number("attention.value_length", kHeadDim);
  m.number("feed_forward_length", sizes.hidden);
  m.numbers("attention.head_count_kv", {0, static_cast<int32_t>(sizes.kv_heads), 0});
  m.number("shortconv.l_cache", 4);
  m.epsilon(kRmsEpsilon);
  m.norm("token_embd_norm");
  m.each_layer([&](const std::string& at, uint32_t layer) {
    m.norm(at + "attn_norm");
    if (layer == 1) {
      m.attention(at);
      m.head_norms(at);
    } else {
      m.linear(at + "shortconv.in_proj", 3 * wide, wide, false);
      m.tensor(at + "shortconv.conv.weight", {4, wide});
      m.linear(at + "shortconv.out_proj", wide, wide, false);
    }
    m.norm(at + "ffn_norm");
    m.mlp(at);
  });
  return m;
}

// The gated delta rule, two value heads for each key head, and every second layer gated attention.
Maker qwen35(const Sizes& sizes) {
  constexpr uint32_t kState = 96;
  const uint32_t value_heads = 8 * sizes.times, key_heads = 4 * sizes.times, inner = value_heads * kState;
  const uint32_t channels = 2 * key_heads * kState + inner;
  Maker m("qwen35", 4, sizes);
  m.trunk();
  m.epsilon(kRmsEpsilon);
  m.number("full_attention_interval", 2);
  m.number("ssm.conv_kernel", 4);
  m.number("ssm.inner_size", inner);
  m.number("ssm.state_size", kState);
  m.number("ssm.time_step_rank", value_heads);
  m.number("ssm.group_count", key_heads);
  m.norm("output_norm");
  m.each_layer([&](const std::string& at, uint32_t layer) {
    m.norm(at + "attn_norm");
    if (layer % 2 == 1) {
      m.attention(at, false, 2);
      m.head_norms(at);
    } else {
      m.linear(at + "attn_qkv", channels, kWidth, false);
      m.linear(at + "attn_gate", inner, kWidth, false);
      m.tensor(at + "ssm_conv1d.weight", {4, channels});
      m.linear(at + "ssm_alpha", value_heads, kWidth, false);
      m.linear(at + "ssm_beta", value_heads, kWidth, false);
      m.tensor(at + "ssm_dt.bias", {value_heads});
      m.tensor(at + "ssm_a", {value_heads});
      m.tensor(at + "ssm_norm.weight", {kState});
      m.linear(at + "ssm_out", kWidth, inner, false);
    }
    m.norm(at + "post_attention_norm");
    m.mlp(at);
  });
  return m;
}

}  // namespace

std::vector<TinyFile> tiny_families(uint32_t ranks) {
  const Sizes sizes(ranks);
  std::vector<TinyFile> files;
  files.push_back({"llama", llama(sizes, quant::Dtype::kF32).bytes()});
  files.push_back({"llama-q8_0", llama(sizes, quant::Dtype::kQ8_0).bytes()});
  files.push_back({"gemma2", gemma2(sizes).bytes()});
  files.push_back({"gpt2", gpt2(sizes).bytes()});
  files.push_back({"bloom", bloom(sizes).bytes()});
  files.push_back({"gpt-oss", gpt_oss(sizes).bytes()});
  files.push_back({"deepseek2", deepseek2(sizes).bytes()});
  files.push_back({"mamba2", mamba2(sizes).bytes()});
  files.push_back({"lfm2", lfm2(sizes).bytes()});
  files.push_back({"qwen35", qwen35(sizes).bytes()});
  return files;
}

}  // namespace gantry::arch
