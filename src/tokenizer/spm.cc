#include "tokenizer/spm.h"

#include <algorithm>
#include <bit>

#include "base/interrupt.h"
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

// Bytes; a broken one counts by itself.
size_t first_character(std::string_view text) {
  const text::DecodedChar c = text::decode_utf8(text, 0);
  return c.valid ? c.bytes : 1;
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
    makes_unused_ = makes_unused_ || is_made_unused(token);
  }
}

// Whether merging may come to an unused piece: two parts of it are characters or pieces.
bool SpmTokenizer::is_made_unused(TokenId token) const {
  if (vocab().kind(token) != TokenKind::kUnused) return false;
  const std::string_view text = vocab().text(token);
  constexpr size_t kLookedAtMax = 256;
  if (text.size() > kLookedAtMax) return true;
  const auto may_stand = [this](std::string_view part) {
    return first_character(part) == part.size() || vocab().find_plain(part) != kNoToken;
  };
  for (size_t at = 1; at < text.size(); ++at) {
    if (may_stand(text.substr(0, at)) && may_stand(text.substr(at))) return true;
  }
  return false;
}

void SpmTokenizer::encode_plain(std::string_view text, bool first, std::vector<TokenId>& out,
                                uint64_t& steps) const {
  std::string marked;
  if (first && add_space_prefix_) marked += kSpaceMark;
  marked += mark_spaces(text);

  Work work{out, steps};
  // What an unused piece becomes depends on the whole text.
  if (makes_unused_) {
    encode_piece(marked, work);
    return;
  }
  PieceCache& cache = PieceCache::of_thread();
  const char* const end = marked.data() + marked.size();
  for (size_t at = 0; at < marked.size();) {
    check_interrupt();
    const size_t next = joints_.island_end(marked, at);
    const std::string_view piece = std::string_view(marked).substr(at, next - at);
    at = next;
    steps += piece.size();
    const PieceKey key(piece, end);
    if (key.fits() && cache.replay(key, 2 * number(), out)) {
      work.after_unknown = false;
      continue;
    }
    const size_t before = out.size();
    const bool began_unknown = work.after_unknown;
    encode_piece(piece, work);
    const bool has_unknown =
        std::find(out.begin() + static_cast<ptrdiff_t>(before), out.end(), special().unk) != out.end();
    // What follows an unknown character, or has one, depends on its neighbours.
    if (!began_unknown && !work.after_unknown && !has_unknown) {
      cache.remember(key, 2 * number(), before, out);
    }
  }
}

void SpmTokenizer::encode_piece(std::string_view piece, Work& work) const {
  work.merger.clear();
  for (size_t at = 0; at < piece.size();) {
    const size_t bytes = first_character(piece.substr(at));
    work.merger.add(static_cast<uint32_t>(at), static_cast<uint32_t>(bytes),
                    vocab().find_plain(piece.substr(at, bytes)));
    at += bytes;
  }
  const auto look_up = [&](TokenId left, TokenId, uint32_t start, uint32_t end) -> Merge {
    const std::string_view joined = piece.substr(start, end - start);
    const TokenId token = vocab().find_plain(joined);
    if (token == kNoToken) return {};
    if (makes_unused_ && vocab().kind(token) == TokenKind::kUnused) {
      // What is no token was not joined from others.
      work.splits[joined] = left != kNoToken ? vocab().text(left).size() : first_character(joined);
    }
    return {order_of(vocab().score(token)), token};
  };
  work.merger.run(look_up, work.steps);
  work.merger.for_each([&](uint32_t start, uint32_t bytes, TokenId token) {
    if (makes_unused_ && token != kNoToken && vocab().kind(token) == TokenKind::kUnused) {
      push_unused(piece.substr(start, bytes), work);
    } else {
      push(piece.substr(start, bytes), token, work);
    }
  });
}

void SpmTokenizer::push_unused(std::string_view piece, Work& work) const {
  std::vector<std::string_view> parts = {piece};  // still to be written, the last first
  while (!parts.empty()) {
    const std::string_view part = parts.back();
    parts.pop_back();
    ++work.steps;
    const TokenId token = vocab().find_plain(part);
    const bool unused = token != kNoToken && vocab().kind(token) == TokenKind::kUnused;
    const auto split = unused ? work.splits.find(part) : work.splits.end();
    if (split == work.splits.end()) {
      push(part, token, work);
    } else {
      parts.push_back(part.substr(split->second));
      parts.push_back(part.substr(0, split->second));
    }
  }
}

// A token, or the bytes of a character that is none.
void SpmTokenizer::push(std::string_view piece, TokenId token, Work& work) const {
  if (token != kNoToken) {
    work.out.push_back(token);
    work.after_unknown = false;
    return;
  }
  for (const char c : piece) {
    const TokenId byte = vocab().byte_token(static_cast<uint8_t>(c));
    const bool unknown = byte == kNoToken;
    const TokenId spelled = unknown ? special().unk : byte;
    // Unknown characters in a row are one unknown token.
    if (spelled != kNoToken && !(unknown && work.after_unknown)) work.out.push_back(spelled);
    work.after_unknown = unknown;
  }
}

std::string SpmTokenizer::spell(TokenId token) const { return unmark_spaces(vocab().text(token)); }

}  // namespace gantry::tokenizer
