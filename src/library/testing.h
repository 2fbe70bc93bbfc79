// For the tests: small models made on the spot, and what an Error was.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.h"
#include "gguf/writer.h"

namespace gantry::library {

inline std::vector<float> noise(size_t count, uint64_t seed) {
  std::vector<float> out(count);
  uint64_t state = seed * 2 + 1;
  for (float& value : out) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    value = (static_cast<float>(state >> 40) * 0x1p-24f - 0.5f) * 0.1f;
  }
  return out;
}

// A model in outline: what the rules ask for, and tensors small enough to be cheap.
struct Outline {
  std::string arch = "llama";
  uint32_t layers = 2, experts = 0, heads = 4, kv_heads = 2, row = 256, rows = 2;
  bool output = true, fused = false;
  quant::Dtype dtype = quant::Dtype::kF32;
};

inline void add_matrix(gguf::Writer& writer, const std::string& name, std::vector<uint64_t> shape,
                       quant::Dtype dtype) {
  uint64_t count = 1;
  for (const uint64_t extent : shape) count *= extent;
  const std::vector<float> values = noise(count, std::hash<std::string>()(name));
  std::vector<std::byte> bytes(quant::row_bytes(dtype, count));
  quant::encode_row(dtype, values, bytes);
  writer.add_tensor(name, std::move(shape), dtype, bytes);
}

inline void add_layer(gguf::Writer& writer, const Outline& o, uint32_t layer) {
  const std::string blk = "blk." + std::to_string(layer) + ".";
  const std::vector<uint64_t> shape = {o.row, o.rows};
  add_matrix(writer, blk + "attn_norm.weight", {o.row}, quant::Dtype::kF32);
  if (o.fused) {
    add_matrix(writer, blk + "attn_qkv.weight", shape, o.dtype);
  } else {
    for (const char* name : {"attn_q", "attn_k", "attn_v"})
      add_matrix(writer, blk + name + ".weight", shape, o.dtype);
  }
  add_matrix(writer, blk + "attn_output.weight", shape, o.dtype);
  if (o.experts > 0) {
    add_matrix(writer, blk + "ffn_gate_inp.weight", {o.row, o.experts}, quant::Dtype::kF32);
    for (const char* name : {"ffn_gate_exps", "ffn_up_exps", "ffn_down_exps"})
      add_matrix(writer, blk + name + ".weight", {o.row, o.rows, o.experts}, o.dtype);
  } else {
    for (const char* name : {"ffn_gate", "ffn_up", "ffn_down"})
      add_matrix(writer, blk + name + ".weight", shape, o.dtype);
  }
}

inline void add_head(gguf::Writer& writer, const Outline& o) {
  writer.add_string("general.architecture", o.arch);
  writer.add_uint("general.file_type", 0);
  writer.add_uint(o.arch + ".block_count", o.layers);
  writer.add_uint(o.arch + ".attention.head_count", o.heads);
  writer.add_uint(o.arch + ".attention.head_count_kv", o.kv_heads);
  if (o.experts > 0) writer.add_uint(o.arch + ".expert_count", o.experts);
  writer.add_strings("tokenizer.ggml.tokens", std::vector<std::string>{"a", "b"});
}

inline std::vector<std::byte> model(const Outline& o) {
  gguf::Writer writer;
  add_head(writer, o);
  add_matrix(writer, "token_embd.weight", {o.row, 4}, o.dtype);
  for (uint32_t layer = 0; layer < o.layers; ++layer) add_layer(writer, o, layer);
  add_matrix(writer, "output_norm.weight", {o.row}, quant::Dtype::kF32);
  if (o.output) add_matrix(writer, "output.weight", {o.row, 4}, o.dtype);
  return writer.to_bytes();
}

inline ErrorCode code_of(const std::function<void()>& work, std::string* what = nullptr) {
  try {
    work();
  } catch (const Error& error) {
    if (what != nullptr) *what = error.what();
    return error.code();
  }
  ADD_FAILURE() << "no error";
  return ErrorCode::kInternal;
}

}  // namespace gantry::library
