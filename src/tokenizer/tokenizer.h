// Text to token ids and back, as the model's own vocabulary in a GGUF file says. Immutable after loading: any
// thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/range.h"
#include "gguf/gguf.h"

namespace gantry::tokenizer {

struct EncodeOptions {
  bool add_special = false;    // BOS and EOS where the vocabulary asks for them
  bool parse_special = false;  // text that spells a control token becomes that token
  // What somebody else wrote, in order and apart from each other: a reserved token (reserved.h) is found only
  // where it is spelled without one of these bytes, and there no other token takes a part of it together with
  // some of them. All else is as without them.
  std::span<const Range> given = {};
};

// Is given some tokens, the next ones; false: no more are wanted.
using TakeTokens = std::function<bool(std::span<const TokenId>)>;

// What GGUF's tokenizer.ggml.token_type says of a token.
enum class TokenKind : uint8_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6
};

// Which spaces at the beginning of decoded tokens are not the text's own.
enum class LeadingSpace : uint8_t {
  kOwn,         // none
  kPutInFront,  // one: encoding puts a space before the text
  kDropped      // one of each token until there is text: encoding drops spaces at the beginning anyway
};

struct SpecialTokens {
  TokenId bos = kNoToken, eos = kNoToken, eot = kNoToken, eom = kNoToken, unk = kNoToken, sep = kNoToken,
          pad = kNoToken, mask = kNoToken;
  bool add_bos = false, add_eos = false;
  std::vector<TokenId> end_of_generation;  // eos, eot, eom and the tokens whose text is a known end marker
};

class Tokenizer {
 public:
  // Reads tokenizer.ggml.*; Error kBadFile naming the key, kUnsupported naming the model or pre-split.
  // `pre_override`: use this pre-split instead of the file's tokenizer.ggml.pre.
  static std::unique_ptr<Tokenizer> from_gguf(const gguf::Metadata& metadata,
                                              std::string_view pre_override = {});
  virtual ~Tokenizer() = default;

  // Never fails: invalid UTF-8 is encoded byte by byte (or as U+FFFD where the vocabulary cannot spell
  // bytes).
  std::vector<TokenId> encode(std::string_view text, const EncodeOptions& options) const;
  // The same tokens, some at a time, so that those of a long text need not lie in one row, nor be made when
  // there are too many.
  virtual void encode_to(std::string_view text, const EncodeOptions& options,
                         const TakeTokens& take) const = 0;

  // The bytes that one token adds to the text: not necessarily whole UTF-8. Control tokens give "" unless
  // `special`.
  virtual std::string token_bytes(TokenId token, bool special = false) const = 0;

  // The whole text of a run of tokens, as a reader sees it: valid UTF-8, U+FFFD where the bytes are not; the
  // space that encoding put in front is taken away again.
  virtual std::string decode(std::span<const TokenId> tokens, bool special = false) const = 0;

  virtual uint32_t size() const = 0;
  virtual std::string_view text(TokenId token) const = 0;  // as the vocabulary stores it
  virtual TokenKind kind(TokenId token) const = 0;
  virtual std::optional<TokenId> find(std::string_view text) const = 0;  // exact vocabulary entry
  virtual const SpecialTokens& special() const = 0;
  virtual std::string_view model() const = 0;      // "llama", "gpt2", ...
  virtual std::string_view pre_split() const = 0;  // "llama-bpe", ...; empty where the model has none
  virtual LeadingSpace leading_space() const = 0;

  bool ends_generation(TokenId token) const;
};

// Token by token into whole UTF-8: push() gives the text that is certain, keeping back an unfinished
// sequence; finish() gives the rest (U+FFFD for a sequence that never ended). The sum equals
// Tokenizer::decode of the same tokens. The pieces never split a UTF-8 sequence. One per stream, one thread
// at a time.
//
// `at_start`: the first token is the first of its text. False for a text that goes on from another one, where
// the first token's leading space is the text's own; the sum then equals the end of decoding both together.
class StreamDecoder {
 public:
  explicit StreamDecoder(const Tokenizer& tokenizer, bool special = false, bool at_start = true);
  std::string push(TokenId token);
  std::string finish();

 private:
  const Tokenizer* tokenizer_;
  bool special_;
  bool at_start_;        // the next token's leading space is not the text's own
  std::string pending_;  // at most 3 bytes: the beginning of a UTF-8 sequence
};

}  // namespace gantry::tokenizer
