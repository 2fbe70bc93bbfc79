#include "tokenizer/vocab.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/check.h"
#include "tokenizer/reserved.h"

namespace gantry::tokenizer {
namespace {

uint64_t mix(uint64_t a, uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

uint64_t hash_of(std::string_view s) {
  constexpr uint64_t kOdd1 = 0x9E3779B97F4A7C15;
  constexpr uint64_t kOdd2 = 0xD1B54A32D192ED03;
  uint64_t hash = mix(s.size() ^ kOdd1, kOdd2);
  while (s.size() >= 8) {
    uint64_t word = 0;
    std::memcpy(&word, s.data(), 8);
    hash = mix(hash ^ word, kOdd2);
    s.remove_prefix(8);
  }
  uint64_t rest = 0;
  std::memcpy(&rest, s.data(), s.size());
  return mix(hash ^ rest ^ kOdd1, kOdd2 ^ s.size());
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

// "<0xNN>" -> NN; -1 for anything else.
int spelled_byte(std::string_view text) {
  if (text.size() != 6 || !text.starts_with("<0x") || text[5] != '>') return -1;
  const int high = hex_digit(text[3]);
  const int low = hex_digit(text[4]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

bool is_marker(TokenKind kind) {
  return kind == TokenKind::kControl || kind == TokenKind::kUserDefined || kind == TokenKind::kUnknown;
}

}  // namespace

Vocab::Vocab(const VocabData& data) : special_(data.special) {
  const size_t n = data.tokens.size();
  GANTRY_CHECK(data.kinds.empty() || data.kinds.size() == n);
  GANTRY_CHECK(data.scores.empty() || data.scores.size() == n);
  size_t bytes = 0;
  for (const std::string_view token : data.tokens) bytes += token.size();
  GANTRY_CHECK_LT(bytes, size_t{0xFFFFFFFF});
  texts_.reserve(bytes);
  offsets_.reserve(n + 1);
  offsets_.push_back(0);
  for (const std::string_view token : data.tokens) {
    texts_ += token;
    offsets_.push_back(static_cast<uint32_t>(texts_.size()));
    longest_ = std::max(longest_, static_cast<uint32_t>(token.size()));
  }
  kinds_ = data.kinds;
  kinds_.resize(n, TokenKind::kNormal);
  reserved_.reserve(n);
  for (TokenId token = 0; token < static_cast<TokenId>(n); ++token)
    reserved_.push_back(tokenizer::is_reserved(kind(token), text(token)));
  scores_ = data.scores;
  index_texts();

  byte_tokens_.fill(kNoToken);
  std::vector<std::pair<std::string_view, TokenId>> markers;
  for (TokenId token = 0; token < static_cast<TokenId>(n); ++token) {
    const int byte = byte_of(token);
    if (byte >= 0 && byte_tokens_[static_cast<size_t>(byte)] == kNoToken) {
      byte_tokens_[static_cast<size_t>(byte)] = token;
    }
    if (is_marker(kind(token))) markers.emplace_back(text(token), token);
  }
  markers_ = Trie(std::move(markers));
  // Files without token types still spell their bytes so.
  for (uint32_t byte = 0; byte < 256; ++byte) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    const char spelled[] = {'<', '0', 'x', kHex[byte >> 4], kHex[byte & 15], '>'};
    if (byte_tokens_[byte] == kNoToken) byte_tokens_[byte] = find(std::string_view(spelled, sizeof spelled));
  }
  swallow_left_ = data.swallow_left;
  swallow_right_ = data.swallow_right;
  std::sort(swallow_left_.begin(), swallow_left_.end());
  std::sort(swallow_right_.begin(), swallow_right_.end());
}

void Vocab::index_texts() {
  slots_.assign(std::bit_ceil(size_t{size()} * 2 + 1), Slot{});
  for (TokenId token = 0; token < static_cast<TokenId>(size()); ++token) {
    const std::string_view wanted = text(token);
    if (wanted.empty()) continue;
    const uint64_t hash = hash_of(wanted);
    Slot& slot = slots_[slot_of(wanted, hash)];
    if (slot.token == kNoToken) slot = {token, static_cast<uint32_t>(hash >> 32)};
  }
}

// Where that text is, or the free slot where it would be.
size_t Vocab::slot_of(std::string_view wanted, uint64_t hash) const {
  const size_t mask = slots_.size() - 1;
  size_t slot = hash & mask;
  while (slots_[slot].token != kNoToken &&
         (slots_[slot].hash != static_cast<uint32_t>(hash >> 32) || text(slots_[slot].token) != wanted)) {
    slot = (slot + 1) & mask;
  }
  return slot;
}

std::string_view Vocab::text(TokenId token) const {
  const auto at = static_cast<size_t>(token);
  return std::string_view(texts_).substr(offsets_[at], offsets_[at + 1] - offsets_[at]);
}

TokenId Vocab::find(std::string_view wanted) const {
  if (wanted.empty() || wanted.size() > longest_) return kNoToken;
  return slots_[slot_of(wanted, hash_of(wanted))].token;
}

TokenId Vocab::find_plain(std::string_view wanted) const {
  const TokenId token = find(wanted);
  return token != kNoToken && is_plain(token) ? token : kNoToken;
}

bool Vocab::is_plain(TokenId token) const {
  switch (kind(token)) {
    case TokenKind::kNormal:
    case TokenKind::kUnused:
      return true;
    case TokenKind::kUserDefined:
      return !is_reserved(token);
    case TokenKind::kUnknown:
    case TokenKind::kControl:
    case TokenKind::kByte:
      break;
  }
  return false;
}

int Vocab::byte_of(TokenId token) const {
  return kind(token) == TokenKind::kByte ? spelled_byte(text(token)) : -1;
}

bool Vocab::swallows_left(TokenId token) const {
  return std::binary_search(swallow_left_.begin(), swallow_left_.end(), token);
}

bool Vocab::swallows_right(TokenId token) const {
  return std::binary_search(swallow_right_.begin(), swallow_right_.end(), token);
}

}  // namespace gantry::tokenizer
