#include "tokenizer/memory.h"

#include <bit>
#include <string_view>

namespace gantry::tokenizer {
namespace {

// An array's elements; 0 where it is missing.
uint64_t count_of(const gguf::Metadata& metadata, std::string_view key) {
  const gguf::Value* value = metadata.find(key);
  return value != nullptr && value->type == gguf::ValueType::kArray ? value->array.count : 0;
}

}  // namespace

uint64_t memory_bytes(const gguf::Metadata& metadata) {
  const gguf::Value* tokens = metadata.find("tokenizer.ggml.tokens");
  if (tokens == nullptr || tokens->type != gguf::ValueType::kArray || tokens->array.count == 0) return 0;
  uint64_t text = 0;
  for (const std::string_view token : tokens->array.strings) text += token.size();
  const uint64_t count = tokens->array.count, merges = count_of(metadata, "tokenizer.ggml.merges");
  constexpr uint64_t kFixed = 64 << 10;
  constexpr uint64_t kToken = 16;         // where its text begins, kind, score, letters
  constexpr uint64_t kSlot = 8;           // of the table from text to token, half full at most
  constexpr uint64_t kPair = 16;          // of the table of merges, the same
  constexpr uint64_t kTrieNode = 13;      // one for each byte of a token's text at most
  constexpr uint64_t kTextAndJoints = 3;  // for each byte of text: the text itself, and where texts may join
  uint64_t bytes = kFixed + kToken * count + kSlot * std::bit_ceil(2 * count) + kTextAndJoints * text;
  if (merges != 0) bytes += kPair * std::bit_ceil(2 * merges);
  // Unigram and WordPiece look words up letter by letter.
  const gguf::Value* model = metadata.find("tokenizer.ggml.model");
  if (model != nullptr && (model->string == "t5" || model->string == "bert")) bytes += kTrieNode * text;
  return bytes + 2 * count_of(metadata, "tokenizer.ggml.precompiled_charsmap");
}

}  // namespace gantry::tokenizer
