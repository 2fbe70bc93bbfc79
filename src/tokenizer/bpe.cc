#include "tokenizer/bpe.h"

#include <bit>

#include "base/error.h"
#include "text/utf8.h"
#include "tokenizer/byte_alphabet.h"
#include "tokenizer/piece_cache.h"
#include "tokenizer/spm.h"

namespace gantry::tokenizer {
namespace {

constexpr uint64_t kNoPair = ~uint64_t{0};  // two times kNoToken

uint64_t pair_key(TokenId left, TokenId right) {
  return (uint64_t{static_cast<uint32_t>(left)} << 32) | static_cast<uint32_t>(right);
}

const PreSplit& need_pre_split(const VocabData& data) {
  if (const PreSplit* row = find_pre_split(data.pre)) return *row;
  throw Error(ErrorCode::kUnsupported, "the pre-split \"" + data.pre + "\" is not known",
              data.where + ": tokenizer.ggml.pre", "known: " + known_pre_splits());
}

}  // namespace

void PairTable::reserve(size_t pairs) {
  const size_t slots = std::bit_ceil(pairs * 2 + 2);
  slots_.assign(slots, {kNoPair, {}});
  shift_ = 64 - std::countr_zero(slots);
}

size_t PairTable::home(uint64_t key) const {
  key ^= key >> 29;
  return static_cast<size_t>((key * 0x9E3779B97F4A7C15) >> shift_);
}

void PairTable::insert(TokenId left, TokenId right, Merge merge) {
  const uint64_t key = pair_key(left, right);
  size_t slot = home(key);
  while (slots_[slot].key != kNoPair && slots_[slot].key != key) slot = (slot + 1) & (slots_.size() - 1);
  if (slots_[slot].key == kNoPair) slots_[slot] = {key, merge};
}

std::optional<Merge> PairTable::find(TokenId left, TokenId right) const {
  const uint64_t key = pair_key(left, right);
  for (size_t slot = home(key); slots_[slot].key != kNoPair; slot = (slot + 1) & (slots_.size() - 1)) {
    if (slots_[slot].key == key) return slots_[slot].merge;
  }
  return std::nullopt;
}

BpeTokenizer::BpeTokenizer(const VocabData& data) : BaseTokenizer(data), split_(need_pre_split(data)) {
  load_merges(data);
  for (uint32_t byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    byte_letters_[byte] = vocab().find_plain(to_byte_letters(std::string_view(&c, 1)));
  }
}

void BpeTokenizer::load_merges(const VocabData& data) {
  pairs_.reserve(data.merges.size());
  std::string joined;
  for (size_t rank = 0; rank < data.merges.size(); ++rank) {
    const std::string_view merge = data.merges[rank];
    // A piece may begin with a space, but none is empty: the separator is the first space behind one byte.
    const size_t space = merge.find(' ', 1);
    const std::string_view left = merge.substr(0, space);
    const std::string_view right = space == merge.npos ? std::string_view() : merge.substr(space + 1);
    joined.assign(left).append(right);
    const TokenId left_token = vocab().find(left);
    const TokenId right_token = vocab().find(right);
    const TokenId token = vocab().find(joined);
    if (left_token == kNoToken || right_token == kNoToken || token == kNoToken) {
      throw Error(ErrorCode::kBadFile,
                  "merge " + std::to_string(rank) + ", \"" + text::repair_utf8(merge.substr(0, 100)) +
                      "\", names a piece that is no token",
                  data.where + ": tokenizer.ggml.merges");
    }
    // Text never becomes a control token by merging.
    if (vocab().find_plain(joined) != kNoToken) {
      pairs_.insert(left_token, right_token, {static_cast<uint32_t>(rank), token});
    }
  }
}

void BpeTokenizer::encode_plain(std::string_view text, bool /*first*/, std::vector<TokenId>& out,
                                uint64_t& steps) const {
  std::string marked;
  if (!split_.byte_level) {
    marked = mark_spaces(text);
    text = marked;
  }
  Merger merger;
  PieceCache seen;
  for (const std::string_view piece : split(split_, text, steps)) {
    if (seen.replay(piece, out, steps)) continue;
    const size_t before = out.size();
    encode_piece(piece, merger, out, steps);
    seen.remember(piece, before, out);
  }
}

TokenId BpeTokenizer::whole_token(std::string_view piece) const {
  if (split_.ignore_merges) {
    return vocab().find_plain(split_.byte_level ? to_byte_letters(piece) : std::string(piece));
  }
  // Plain UTF-8 splits by lines: a run of newlines that is a token stays one.
  if (!split_.byte_level && piece.find_first_not_of('\n') == piece.npos) return vocab().find_plain(piece);
  return kNoToken;
}

void BpeTokenizer::encode_piece(std::string_view piece, Merger& merger, std::vector<TokenId>& out,
                                uint64_t& steps) const {
  if (const TokenId whole = whole_token(piece); whole != kNoToken) {
    out.push_back(whole);
    steps += piece.size();
    return;
  }
  merger.clear();
  for (size_t at = 0; at < piece.size();) {
    uint32_t bytes = 1;
    TokenId token = byte_letters_[static_cast<uint8_t>(piece[at])];
    if (!split_.byte_level) {
      const text::DecodedChar c = text::decode_utf8(piece, at);
      bytes = c.valid ? c.bytes : 1;
      token = vocab().find_plain(piece.substr(at, bytes));
    }
    merger.add(static_cast<uint32_t>(at), bytes, token);
    at += bytes;
  }
  merger.run([this](const Symbol& left, const Symbol& right) { return pairs_.find(left.token, right.token); },
             steps);
  merger.for_each([&](const Symbol& symbol) {
    if (symbol.token != kNoToken) {
      out.push_back(symbol.token);
    } else {
      spell_unknown(piece.substr(symbol.start, symbol.bytes), out);
    }
  });
}

void BpeTokenizer::spell_unknown(std::string_view bytes, std::vector<TokenId>& out) const {
  for (const char c : bytes) {
    const TokenId byte = split_.byte_level ? kNoToken : vocab().byte_token(static_cast<uint8_t>(c));
    if (byte != kNoToken) {
      out.push_back(byte);
    } else if (special().unk != kNoToken) {
      out.push_back(special().unk);
    }
  }
}

std::string BpeTokenizer::spell(TokenId token) const {
  const std::string_view written = vocab().text(token);
  if (!split_.byte_level) return unmark_spaces(written);
  // A token that is not written in the byte alphabet stands for itself.
  auto bytes = from_byte_letters(written);
  return bytes ? std::move(*bytes) : std::string(written);
}

}  // namespace gantry::tokenizer
