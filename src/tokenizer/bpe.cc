#include "tokenizer/bpe.h"

#include <algorithm>
#include <bit>

#include "base/error.h"
#include "base/interrupt.h"
#include "text/unicode.h"
#include "text/utf8.h"
#include "tokenizer/byte_alphabet.h"
#include "tokenizer/lower_case.h"
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
  const size_t slots = std::bit_ceil(pairs + pairs / 2 + 2);
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

Merge PairTable::find(TokenId left, TokenId right) const {
  const uint64_t key = pair_key(left, right);
  size_t slot = home(key);
  while (slots_[slot].key != kNoPair && slots_[slot].key != key) slot = (slot + 1) & (slots_.size() - 1);
  return slots_[slot].merge;  // of an empty slot: none
}

BpeTokenizer::BpeTokenizer(const VocabData& data)
    : BaseTokenizer(data),
      split_(need_pre_split(data)),
      lowercase_(data.model == "whitespace" && data.lowercase) {
  load_merges(data);
  find_joints();
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
    if (vocab().is_plain(token)) {
      pairs_.insert(left_token, right_token, {static_cast<uint32_t>(rank), token});
    }
  }
}

void BpeTokenizer::find_joints() {
  size_t bytes = 0;
  for (TokenId token = 0; token < static_cast<TokenId>(vocab().size()); ++token)
    bytes += vocab().text(token).size();
  joints_.reserve(bytes);
  std::string plain;
  for (TokenId token = 0; token < static_cast<TokenId>(vocab().size()); ++token) {
    const std::string_view written = vocab().text(token);
    if (!split_.byte_level) {
      joints_.add(written);
    } else if (from_byte_letters(written, plain)) {
      joints_.add(plain);
    }
  }
}

// What the pre-split of a vocabulary that is not byte-level is given.
std::string BpeTokenizer::prepare(std::string_view text) const {
  if (!split_.drops_white) return mark_spaces(text);
  if (!lowercase_) return std::string(text);
  std::string lowered;
  for (size_t at = 0; at < text.size();) {
    const text::DecodedChar c = text::decode_utf8(text, at);
    if (c.valid) {
      append_lower(lowered, c.code);
    } else {
      lowered.push_back(text[at]);
    }
    at += c.valid ? c.bytes : 1;
  }
  return lowered;
}

void BpeTokenizer::encode_plain(std::string_view text, bool /*first*/, Encoding& to) const {
  std::string prepared;
  if (!split_.byte_level) {
    prepared = prepare(text);
    text = prepared;
  }
  Work work{to, text.data() + text.size(), PieceCache::of_thread()};
  split(split_, text, to.steps, [&](std::string_view piece) {
    check_interrupt();
    if (!split_.drops_white || !text::is_white_space(text::decode_utf8(piece, 0).code))
      encode_piece(piece, work);
    return to.pass_on();
  });
}

void BpeTokenizer::encode_piece(std::string_view piece, Work& work) const {
  const PieceKey key(piece, work.text_end);
  ++work.to.steps;
  if (key.fits() && work.cache.replay(key, 2 * number(), work.to.out)) return;
  const size_t before = work.to.out.size();
  if (const TokenId whole = whole_token(piece); whole != kNoToken) {
    work.to.out.push_back(whole);
    work.to.steps += piece.size();
  } else {
    encode_islands(piece, work);
  }
  work.cache.remember(key, 2 * number(), before, work.to.out);
}

// Stretches that merging cannot join are encoded apart, and known apart: scripts without spaces have long
// pieces that seldom come again as a whole.
void BpeTokenizer::encode_islands(std::string_view piece, Work& work) const {
  for (size_t at = 0; at < piece.size();) {
    const size_t end = joints_.island_end(piece, at);
    work.to.steps += end - at;
    const std::string_view island = piece.substr(at, end - at);
    at = end;
    const PieceKey key(island, work.text_end);
    if (key.fits() && work.cache.replay(key, 2 * number() + 1, work.to.out)) continue;
    const size_t before = work.to.out.size();
    merge(island, work);
    work.cache.remember(key, 2 * number() + 1, before, work.to.out);
    if (piece.size() > PieceKey::kBytesMax && !work.to.pass_on()) return;  // no key holds on to its beginning
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

void BpeTokenizer::merge(std::string_view island, Work& work) const {
  const auto character = [&](std::string_view text, size_t at) -> std::pair<uint32_t, TokenId> {
    if (split_.byte_level) return {1, byte_letters_[static_cast<uint8_t>(text[at])]};
    const text::DecodedChar c = text::decode_utf8(text, at);
    const uint32_t bytes = c.valid ? c.bytes : 1;
    return {bytes, vocab().find_plain(text.substr(at, bytes))};
  };
  const auto look_up = [this](TokenId left, TokenId right, std::string_view) {
    return pairs_.find(left, right);
  };
  merge_text(island, work.merger, character, look_up, work.to.steps,
             [&](std::string_view part, TokenId token) {
               if (token != kNoToken)
                 work.to.out.push_back(token);
               else
                 spell_unknown(part, work.to.out);
               return island.size() <= PieceKey::kBytesMax || work.to.pass_on();
             });
}

void BpeTokenizer::spell_unknown(std::string_view character, std::vector<TokenId>& out) const {
  // A byte-level vocabulary that lacks a byte has no word for it either: its unknown token, where the file
  // names one, is another token's second name, and no text becomes it.
  if (split_.byte_level) return;
  const bool spelled = std::all_of(character.begin(), character.end(), [this](char c) {
    return vocab().byte_token(static_cast<uint8_t>(c)) != kNoToken;
  });
  if (spelled) {
    for (const char c : character) out.push_back(vocab().byte_token(static_cast<uint8_t>(c)));
  } else if (special().unk != kNoToken) {
    out.push_back(special().unk);
  }
}

std::string BpeTokenizer::spell(TokenId token) const {
  const std::string_view written = vocab().text(token);
  if (!split_.byte_level) return unmark_spaces(written);
  // A token that is not written in the byte alphabet stands for itself.
  std::string bytes;
  return from_byte_letters(written, bytes) ? bytes : std::string(written);
}

}  // namespace gantry::tokenizer
