#include "tokenizer/spm.h"

#include <algorithm>
#include <bit>
#include <utility>

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

// A text with marked spaces, of which there is as much at a time as is asked for.
class MarkedText {
 public:
  MarkedText(std::string_view text, bool mark_in_front) : text_(text) {
    if (mark_in_front) marked_ = kSpaceMark;
  }
  std::string_view rest() const { return std::string_view(marked_).substr(at_); }
  void drop(size_t bytes) { at_ += bytes; }
  // More behind what is there, at least as much again; views end. False: that was all.
  bool add() {
    if (text_.empty()) return false;
    marked_.erase(0, std::exchange(at_, 0));
    const std::string_view more = text_.substr(0, std::max(kStretchBytes, marked_.size()));
    append_marked(marked_, more);
    text_.remove_prefix(more.size());
    return true;
  }

 private:
  std::string_view text_;  // not marked yet
  std::string marked_;
  size_t at_ = 0;  // what lies before was dropped
};

}  // namespace

void append_marked(std::string& out, std::string_view text) {
  for (size_t space; (space = text.find(' ')) != text.npos; text.remove_prefix(space + 1)) {
    out += text.substr(0, space);
    out += kSpaceMark;
  }
  out += text;
}

std::string mark_spaces(std::string_view text) {
  std::string marked;
  const auto spaces = static_cast<size_t>(std::count(text.begin(), text.end(), ' '));
  marked.reserve(text.size() + spaces * (kSpaceMark.size() - 1));
  append_marked(marked, text);
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

void SpmTokenizer::encode_plain(std::string_view text, bool first, Encoding& to) const {
  MarkedText marked(text, first && add_space_prefix_);
  Work work{to};
  // What an unused piece becomes depends on the whole text.
  if (makes_unused_) {
    while (marked.add()) continue;
    encode_piece(marked.rest(), work);
    return;
  }
  PieceCache& cache = PieceCache::of_thread();
  while (to.pass_on()) {
    check_interrupt();
    const std::string_view rest = marked.rest();
    const size_t bytes = rest.empty() ? 0 : joints_.island_end(rest, 0);
    if (bytes == rest.size() && marked.add()) continue;  // it may go on
    if (bytes == 0) return;
    const std::string_view piece = rest.substr(0, bytes);
    marked.drop(bytes);
    to.steps += bytes;
    const PieceKey key(piece, rest.data() + rest.size());
    if (key.fits() && cache.replay(key, 2 * number(), to.out)) {
      work.after_unknown = false;
      continue;
    }
    const size_t before = to.out.size();
    const bool began_unknown = work.after_unknown;
    encode_piece(piece, work);
    if (!key.fits()) continue;
    const bool has_unknown = std::find(to.out.begin() + static_cast<ptrdiff_t>(before), to.out.end(),
                                       special().unk) != to.out.end();
    // What follows an unknown character, or has one, depends on its neighbours.
    if (!began_unknown && !work.after_unknown && !has_unknown) {
      cache.remember(key, 2 * number(), before, to.out);
    }
  }
}

void SpmTokenizer::encode_piece(std::string_view piece, Work& work) const {
  const auto character = [&](std::string_view text, size_t at) -> std::pair<uint32_t, TokenId> {
    const size_t bytes = first_character(text.substr(at));
    return {static_cast<uint32_t>(bytes), vocab().find_plain(text.substr(at, bytes))};
  };
  const auto look_up = [&](TokenId left, TokenId, std::string_view joined) -> Merge {
    const TokenId token = vocab().find_plain(joined);
    if (token == kNoToken) return {};
    if (makes_unused_ && vocab().kind(token) == TokenKind::kUnused) {
      // What is no token was not joined from others.
      work.splits[joined] = left != kNoToken ? vocab().text(left).size() : first_character(joined);
    }
    return {order_of(vocab().score(token)), token};
  };
  const auto visit = [&](std::string_view part, TokenId token) {
    if (makes_unused_ && token != kNoToken && vocab().kind(token) == TokenKind::kUnused) {
      push_unused(part, work);
    } else {
      push(part, token, work);
    }
    return piece.size() <= PieceKey::kBytesMax || work.to.pass_on();
  };
  const size_t stretch = makes_unused_ ? std::max<size_t>(piece.size(), 1) : kStretchBytes;
  merge_text(piece, work.merger, character, look_up, work.to.steps, visit, stretch);
}

void SpmTokenizer::push_unused(std::string_view piece, Work& work) const {
  std::vector<std::string_view> parts = {piece};  // still to be written, the last first
  while (!parts.empty()) {
    const std::string_view part = parts.back();
    parts.pop_back();
    ++work.to.steps;
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
    work.to.out.push_back(token);
    work.after_unknown = false;
    return;
  }
  for (const char c : piece) {
    const TokenId byte = vocab().byte_token(static_cast<uint8_t>(c));
    const bool unknown = byte == kNoToken;
    const TokenId spelled = unknown ? special().unk : byte;
    // Unknown characters in a row are one unknown token.
    if (spelled != kNoToken && !(unknown && work.after_unknown)) work.to.out.push_back(spelled);
    work.after_unknown = unknown;
  }
}

std::string SpmTokenizer::spell(TokenId token) const { return unmark_spaces(vocab().text(token)); }

}  // namespace gantry::tokenizer
