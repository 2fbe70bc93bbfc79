// A small vocabulary made from the input, of any model and pre-split, and a text: encoding takes a bounded
// number of steps, decoding is whole UTF-8 and the same as the stream, and what is promised to come back
// does.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/error.h"
#include "text/utf8.h"
#include "tokenizer/pre_split.h"
#include "tokenizer/reserved.h"
#include "tokenizer/testing.h"

namespace {

using gantry::TokenId;
using gantry::tokenizer::BaseTokenizer;
using gantry::tokenizer::StreamDecoder;
using gantry::tokenizer::TokenKind;
using gantry::tokenizer::testing::VocabBuilder;

class Input {
 public:
  Input(const uint8_t* data, size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}
  uint8_t byte() { return rest_.empty() ? uint8_t{0} : static_cast<uint8_t>(take(1)[0]); }
  std::string_view take(size_t n) {
    const std::string_view part = rest_.substr(0, n);
    rest_.remove_prefix(part.size());
    return part;
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

struct Made {
  std::unique_ptr<BaseTokenizer> tokenizer;
  bool carries_bytes = false;  // byte-level, with a token for each byte and no marker that changes texts
  bool carries_text = false;   // SentencePiece with byte tokens and one for the space
};

Made make(Input& input) {
  static constexpr const char* kModels[] = {"gpt2", "llama", "t5", "bert", "gemma4"};
  const std::string_view model = kModels[input.byte() % 5];
  const auto rows = gantry::tokenizer::pre_splits();
  const auto& row = rows[input.byte() % rows.size()];
  const uint8_t flags = input.byte();
  VocabBuilder builder(model, model == "gemma4" ? "gemma4" : row.name);
  auto& data = builder.data();
  builder.add("<unk>", TokenKind::kUnknown).add("<s>", TokenKind::kControl);
  if ((flags & 1) != 0) builder.add_byte_tokens();
  if ((flags & 2) != 0) builder.add_byte_letters();
  if ((flags & 128) != 0) builder.add(gantry::tokenizer::kSpaceMark);
  data.add_space_prefix = (flags & 4) != 0;
  data.remove_extra_whitespaces = (flags & 8) != 0;
  data.add_sep = (flags & 16) != 0;
  if ((flags & 32) != 0) data.special.unk = 0;
  data.special.bos = data.special.eos = data.special.sep = 1;
  data.special.add_bos = data.special.add_eos = (flags & 64) != 0;
  for (size_t n = input.byte() % 24; n > 0; --n) {
    const uint8_t shape = input.byte();
    const auto kind = static_cast<TokenKind>(shape % 8 < 3 ? 1 : 1 + shape % 6);
    float score = 0;
    std::memcpy(&score, std::string(input.take(4)).append(4, '\0').data(), 4);
    builder.add(input.take(1 + shape / 64), kind, score);
  }
  for (size_t n = input.byte() % 16; n > 0; --n) {
    const std::string left(input.take(1 + input.byte() % 2));
    const std::string right(input.take(1 + input.byte() % 2));
    if (!left.empty() && !right.empty()) builder.add_merge(left, right);
  }
  gantry::tokenizer::find_end_markers(data);
  bool markers = false;
  for (const TokenKind kind : data.kinds) markers = markers || kind == TokenKind::kUserDefined;
  const bool byte_level = model == "gpt2" && row.byte_level;
  return {builder.build(), byte_level && (flags & 2) != 0 && !markers,
          model == "llama" && (flags & 1) != 0 && (flags & 128) != 0 && !markers};
}

void check_text(const Made& made, std::string_view text) {
  const BaseTokenizer& tokenizer = *made.tokenizer;
  for (const bool special : {false, true}) {
    uint64_t steps = 0;
    const auto ids =
        tokenizer.encode_counted(text, {.add_special = special, .parse_special = special}, steps);
    // Steps per byte: rules of a stage, stages, pieces of a few bytes; far from the square of a text.
    GANTRY_CHECK_LE(steps, 4000 + 400 * text.size());
    std::string bytes;
    for (const TokenId id : ids) {
      GANTRY_CHECK(id >= 0 && static_cast<uint32_t>(id) < tokenizer.size());
      bytes += tokenizer.token_bytes(id, special);
    }
    StreamDecoder decoder(tokenizer, special);
    std::string streamed;
    for (const TokenId id : ids) {
      const std::string piece = decoder.push(id);
      GANTRY_CHECK(gantry::text::is_valid_utf8(piece));
      streamed += piece;
    }
    streamed += decoder.finish();
    GANTRY_CHECK(streamed == tokenizer.decode(ids, special));
    if (special) continue;
    if (made.carries_bytes) GANTRY_CHECK(bytes == text);
    const bool has_mark = text.find(gantry::tokenizer::kSpaceMark) != text.npos;
    if (made.carries_text && !has_mark) GANTRY_CHECK(streamed == gantry::text::repair_utf8(text));
  }
}

// Parts of a text that somebody else wrote, as the first bytes of it say: none of them comes to be a reserved
// token, wherever it is.
void check_given(const Made& made, std::string_view text) {
  const BaseTokenizer& tokenizer = *made.tokenizer;
  const auto reserved = [&](TokenId id) {
    return gantry::tokenizer::is_reserved(tokenizer.kind(id), tokenizer.text(id)) &&
           id != tokenizer.special().unk;
  };
  std::vector<gantry::Range> given;
  size_t at = 0;
  for (size_t i = 0; i + 1 < text.size() && i < 16 && at < text.size(); i += 2) {
    const size_t begin = at + 1 + static_cast<uint8_t>(text[i]) % 8;
    at = std::min(begin + 1 + static_cast<uint8_t>(text[i + 1]) % 16, text.size());
    if (begin < at) given.push_back({begin, at});
  }
  uint64_t steps = 0;
  const auto parts = tokenizer.encode_counted(text, {.parse_special = true, .given = given}, steps);
  GANTRY_CHECK_LE(steps, 4000 + 400 * text.size());
  // At most as many as the rest of the text has bytes.
  size_t own = text.size();
  for (const gantry::Range& range : given) own -= range.size();
  GANTRY_CHECK_LE(static_cast<size_t>(std::count_if(parts.begin(), parts.end(), reserved)), own);
  const gantry::Range all{0, text.size()};
  const auto none = tokenizer.encode(text, {.parse_special = true, .given = {&all, text.empty() ? 0u : 1u}});
  GANTRY_CHECK(std::none_of(none.begin(), none.end(), reserved));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  try {
    const Made made = make(input);
    check_text(made, input.rest());
    check_given(made, input.rest());
  } catch (const gantry::Error&) {
    // A merge of pieces that are no tokens.
  }
  return 0;
}
