// For tests: a small model file in memory, with every part open to damage and change.
#pragma once

#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gguf/gguf.h"
#include "gguf/writer.h"

namespace gantry::arch {

// A small model file in memory, with every part open to damage.
struct TinyModel {
  std::string arch = "llama";
  std::map<std::string, uint32_t> uints = {{"block_count", 2},          {"embedding_length", 32},
                                           {"context_length", 64},      {"feed_forward_length", 48},
                                           {"attention.head_count", 4}, {"attention.head_count_kv", 2}};
  std::map<std::string, float> floats = {{"attention.layer_norm_rms_epsilon", 1e-5f}};
  std::map<std::string, std::string> strings;
  std::map<std::string, bool> bools;
  std::map<std::string, std::vector<int32_t>> arrays;
  std::map<std::string, std::vector<uint64_t>> tensors;
  float weight_value = 1;  // everywhere

  TinyModel() {
    tensors = {{"token_embd.weight", {32, 10}}, {"output_norm.weight", {32}}};
    for (const std::string layer : {"blk.0.", "blk.1."}) {
      tensors[layer + "attn_norm.weight"] = {32};
      tensors[layer + "attn_q.weight"] = {32, 32};
      tensors[layer + "attn_k.weight"] = {32, 16};
      tensors[layer + "attn_v.weight"] = {32, 16};
      tensors[layer + "attn_output.weight"] = {32, 32};
      tensors[layer + "ffn_norm.weight"] = {32};
      tensors[layer + "ffn_gate.weight"] = {32, 48};
      tensors[layer + "ffn_up.weight"] = {32, 48};
      tensors[layer + "ffn_down.weight"] = {48, 32};
    }
  }

  std::unique_ptr<gguf::GgufFile> file() {
    gguf::Writer writer;
    writer.add_string("general.architecture", arch);
    for (const auto& [key, value] : uints) writer.add_uint(arch + "." + key, value);
    for (const auto& [key, value] : floats) writer.add_float(arch + "." + key, value);
    for (const auto& [key, value] : strings) writer.add_string(arch + "." + key, value);
    for (const auto& [key, on] : bools) writer.add_bool(arch + "." + key, on);
    for (const auto& [key, values] : arrays) writer.add_ints(arch + "." + key, values);
    for (const auto& [name, shape] : tensors) {
      writer.add_tensor(name, shape, quant::Dtype::kF32, [this](std::span<std::byte> out) {
        for (size_t i = 0; i < out.size(); i += 4) std::memcpy(&out[i], &weight_value, 4);
      });
    }
    bytes_ = writer.to_bytes();
    return gguf::GgufFile::parse(bytes_, "tiny.gguf");
  }

 private:
  std::vector<std::byte> bytes_;
};

}  // namespace gantry::arch
