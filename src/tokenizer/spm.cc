#include "tokenizer/spm.h"

#include <algorithm>
#include <bit>

#include "text/utf8.h"
#include "tokenizer/piece_cache.h"

namespace gantry::tokenizer {
namespace {

// A number that is lower where the score is higher, for every float: order of the bits, turned for negatives.
uint32_t order_of(float score) {
  constexpr uint32_t kSign = 0x80000000;
  const uint32_t bits = std::bit_cast<uint32_t>(score + 0.0f);  // -0 becomes 0
  const uint32_t ascending = (bits & kSign) != 0 ? ~bits : bits | kSign;
  return ~ascending;
}

// Where the second word of `marked` begins: at the first space mark behind something else.
size_t next_word(std::string_view marked) {
  size_t at = 0;
  while (marked.substr(at).starts_with(kSpaceMark)) at += kSpaceMark.size();
  return std::min(marked.find(kSpaceMark, at), marked.size());
}

}  // namespace

std::string mark_spaces(std::string_view text) {
  std::string marked;
  marked.reserve(text.size() + text.size() / 3);
  for (const char c : text) {
    if (c == ' ') {
      marked += kSpaceMark;
    } else {
      marked.push_back(c);
    }
  }
  return marked;
}

std::string unmark_spaces(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    if (text.substr(at).starts_with(kSpaceMark)) {
      plain.push_back(' ');
      at += kSpaceMark.size();
    } else {
      plain.push_back(text[at++]);
    }
  }
  return plain;
}

SpmTokenizer::SpmTokenizer(const VocabData& data)
    : BaseTokenizer(data), add_space_prefix_(data.add_space_prefix) {
  words_stand_apart_ = std::none_of(data.tokens.begin(), data.tokens.end(),
                                    [](std::string_view token) { return next_word(token) < token.size(); });
}

void SpmTokenizer::encode_plain(std::string_view text, bool first, std::vector<TokenId>& out,
                                uint64_t& steps) const {
  std::string marked;
  if (first && add_space_prefix_) marked += kSpaceMark;
  marked += mark_spaces(text);

  Merger merger;
  PieceCache seen;
  bool after_unknown = false;
  for (std::string_view rest = marked; !rest.empty();) {
    const std::string_view piece = rest.substr(0, words_stand_apart_ ? next_word(rest) : rest.size());
    rest.remove_prefix(piece.size());
    steps += piece.size();
    if (seen.replay(piece, out, steps)) {
      after_unknown = false;
      continue;
    }
    const size_t before = out.size();
    const bool began_unknown = after_unknown;
    encode_piece(piece, merger, out, after_unknown, steps);
    const bool has_unknown =
        std::find(out.begin() + static_cast<ptrdiff_t>(before), out.end(), special().unk) != out.end();
    if (!began_unknown && !has_unknown) seen.remember(piece, before, out);
  }
}

void SpmTokenizer::encode_piece(std::string_view piece, Merger& merger, std::vector<TokenId>& out,
                                bool& after_unknown, uint64_t& steps) const {
  merger.clear();
  for (size_t at = 0; at < piece.size();) {
    const text::DecodedChar c = text::decode_utf8(piece, at);
    const uint32_t bytes = c.valid ? c.bytes : 1;
    merger.add(static_cast<uint32_t>(at), bytes, vocab().find_plain(piece.substr(at, bytes)));
    at += bytes;
  }
  const auto look_up = [&](const Symbol& left, const Symbol& right) -> std::optional<Merge> {
    const TokenId token = vocab().find_plain(piece.substr(left.start, size_t{left.bytes} + right.bytes));
    if (token == kNoToken) return std::nullopt;
    return Merge{order_of(vocab().score(token)), token};
  };
  merger.run(look_up, steps);

  merger.for_each([&](const Symbol& symbol) {
    if (symbol.token != kNoToken) {
      out.push_back(symbol.token);
      after_unknown = false;
      return;
    }
    for (uint32_t i = 0; i < symbol.bytes; ++i) {
      const TokenId byte = vocab().byte_token(static_cast<uint8_t>(piece[symbol.start + i]));
      const bool unknown = byte == kNoToken;
      const TokenId token = unknown ? special().unk : byte;
      // Unknown characters in a row are one unknown token.
      if (token != kNoToken && !(unknown && after_unknown)) out.push_back(token);
      after_unknown = unknown;
    }
  });
}

std::string SpmTokenizer::spell(TokenId token) const { return unmark_spaces(vocab().text(token)); }

}  // namespace gantry::tokenizer
