#include "tokenizer/tokenizer.h"

#include <algorithm>

#include "base/error.h"
#include "text/utf8.h"
#include "tokenizer/bpe.h"
#include "tokenizer/spm.h"
#include "tokenizer/unigram.h"
#include "tokenizer/vocab_load.h"
#include "tokenizer/wordpiece.h"

namespace gantry::tokenizer {

std::unique_ptr<Tokenizer> Tokenizer::from_gguf(const gguf::Metadata& metadata,
                                                std::string_view pre_override) {
  return make_tokenizer(load_vocab(metadata, pre_override));
}

std::unique_ptr<Tokenizer> make_tokenizer(const VocabData& data) {
  if (data.model == "llama") return std::make_unique<SpmTokenizer>(data);
  if (data.model == "t5") return std::make_unique<UnigramTokenizer>(data);
  if (data.model == "bert") return std::make_unique<WordPieceTokenizer>(data);
  if (data.model == "gpt2" || data.model == "gemma4" || data.model == "whitespace")
    return std::make_unique<BpeTokenizer>(data);
  throw Error(ErrorCode::kUnsupported, "the tokenizer model \"" + data.model + "\" is not known",
              data.where + ": tokenizer.ggml.model", "known: bert, gemma4, gpt2, llama, t5, whitespace");
}

std::vector<TokenId> Tokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  std::vector<TokenId> out;
  encode_to(text, options, [&](std::span<const TokenId> some) {
    out.insert(out.end(), some.begin(), some.end());
    return true;
  });
  return out;
}

bool Tokenizer::ends_generation(TokenId token) const {
  const auto& ends = special().end_of_generation;
  return std::find(ends.begin(), ends.end(), token) != ends.end();
}

StreamDecoder::StreamDecoder(const Tokenizer& tokenizer, bool special, bool at_start)
    : tokenizer_(&tokenizer),
      special_(special),
      at_start_(at_start && tokenizer.leading_space() != LeadingSpace::kOwn) {}

std::string StreamDecoder::push(TokenId token) {
  std::string bytes = tokenizer_->token_bytes(token, special_);
  const TokenKind kind = tokenizer_->kind(token);
  if (at_start_ && kind != TokenKind::kControl) {
    // The unknown token's own spaces and a user-defined token are not what encoding put in front.
    const bool put_in_front = kind == TokenKind::kNormal || kind == TokenKind::kUnused;
    if (put_in_front && bytes.starts_with(' ')) bytes.erase(0, 1);
    at_start_ = bytes.empty() && tokenizer_->leading_space() == LeadingSpace::kDropped;
  }
  pending_ += bytes;
  const size_t whole = text::whole_utf8_prefix(pending_);
  std::string out = text::repair_utf8(std::string_view(pending_).substr(0, whole));
  pending_.erase(0, whole);
  return out;
}

std::string StreamDecoder::finish() {
  std::string out = text::repair_utf8(pending_);
  pending_.clear();
  return out;
}

}  // namespace gantry::tokenizer
