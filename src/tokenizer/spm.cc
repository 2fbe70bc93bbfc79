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

}  // namespace

std::string mark_spaces(std::string_view text) {
  std::string marked;
  const auto spaces = static_cast<size_t>(std::count(text.begin(), text.end(), ' '));
  marked.reserve(text.size() + spaces * (kSpaceMark.size() - 1));
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
  size_t bytes = 0;
  for (const std::string_view token : data.tokens) bytes += token.size();
  joints_.reserve(bytes);
  for (TokenId token = 0; token < static_cast<TokenId>(vocab().size()); ++token) {
    if (vocab().is_plain(token)) joints_.add(vocab().text(token));
  }
}

void SpmTokenizer::encode_plain(std::string_view text, bool first, std::vector<TokenId>& out,
                                uint64_t& steps) const {
  std::string marked;
  if (first && add_space_prefix_) marked += kSpaceMark;
  marked += mark_spaces(text);

  Merger merger;
  PieceCache& cache = PieceCache::of_thread();
  const char* const end = marked.data() + marked.size();
  bool after_unknown = false;
  for (size_t at = 0; at < marked.size();) {
    const size_t next = joints_.island_end(marked, at);
    const std::string_view piece = std::string_view(marked).substr(at, next - at);
    at = next;
    steps += piece.size();
    const PieceKey key(piece, end);
    if (key.fits() && cache.replay(key, 2 * number(), out)) {
      after_unknown = false;
      continue;
    }
    const size_t before = out.size();
    const bool began_unknown = after_unknown;
    encode_piece(piece, merger, out, after_unknown, steps);
    const bool has_unknown =
        std::find(out.begin() + static_cast<ptrdiff_t>(before), out.end(), special().unk) != out.end();
    // What follows an unknown character, or has one, depends on its neighbours.
    if (!began_unknown && !after_unknown && !has_unknown) cache.remember(key, 2 * number(), before, out);
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
  const auto look_up = [&](TokenId, TokenId, uint32_t start, uint32_t end) -> Merge {
    const TokenId token = vocab().find_plain(piece.substr(start, end - start));
    return token == kNoToken ? Merge{} : Merge{order_of(vocab().score(token)), token};
  };
  merger.run(look_up, steps);

  merger.for_each([&](uint32_t start, uint32_t bytes, TokenId token) {
    if (token != kNoToken) {
      out.push_back(token);
      after_unknown = false;
      return;
    }
    for (uint32_t i = 0; i < bytes; ++i) {
      const TokenId byte = vocab().byte_token(static_cast<uint8_t>(piece[start + i]));
      const bool unknown = byte == kNoToken;
      const TokenId spelled = unknown ? special().unk : byte;
      // Unknown characters in a row are one unknown token.
      if (spelled != kNoToken && !(unknown && after_unknown)) out.push_back(spelled);
      after_unknown = unknown;
    }
  });
}

std::string SpmTokenizer::spell(TokenId token) const { return unmark_spaces(vocab().text(token)); }

}  // namespace gantry::tokenizer
