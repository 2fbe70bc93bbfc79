#include "tokenizer/charsmap.h"

#include <algorithm>

#include "base/error.h"

namespace gantry::tokenizer {
namespace {

constexpr uint32_t kValueFollows = 1u << 8;
constexpr uint32_t kFarOffset = 1u << 9;
constexpr uint32_t kIsValue = 1u << 31;
constexpr uint32_t kLabelMask = kIsValue | 0xFF;

uint32_t offset_of(uint32_t unit) { return (unit >> 10) << ((unit & kFarOffset) != 0 ? 8 : 0); }

uint32_t read_u32(std::string_view bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value |= uint32_t{static_cast<uint8_t>(bytes[at + i])} << (8 * i);
  return value;
}

}  // namespace

Charsmap::Charsmap(std::string_view bytes, const std::string& where) {
  if (bytes.empty()) return;
  constexpr size_t kHeader = 4;
  const size_t trie_bytes = bytes.size() < kHeader ? 0 : read_u32(bytes, 0);
  if (bytes.size() < kHeader || trie_bytes % 4 != 0 || trie_bytes > bytes.size() - kHeader) {
    throw Error(ErrorCode::kBadFile,
                "a map of " + std::to_string(bytes.size()) + " bytes cannot hold a trie of " +
                    std::to_string(trie_bytes),
                where);
  }
  units_.reserve(trie_bytes / 4);
  for (size_t at = kHeader; at < kHeader + trie_bytes; at += 4) units_.push_back(read_u32(bytes, at));
  replacements_ = bytes.substr(kHeader + trie_bytes);
  if (!replacements_.empty() && replacements_.back() != '\0') {
    throw Error(ErrorCode::kBadFile, "the last replacement has no end", where);
  }
  if (units_.empty()) return;
  for (size_t pair = 0; pair < pair_untouched_.size(); ++pair)
    pair_untouched_[pair] = leaves_pair(static_cast<uint8_t>(pair / 256), static_cast<uint8_t>(pair % 256));
  for (uint8_t lead = 0xC0; lead < 0xF8; ++lead) {
    const size_t tails = lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
    const size_t count = size_t{1} << (6 * tails);  // of the characters that begin with it
    if (const auto node = child(0, lead)) mark_touched(*node, (lead & (0x3Fu >> tails)) * count, count);
  }
}

// The unit that `byte` leads to from that of `node`.
std::optional<uint32_t> Charsmap::child(uint32_t node, uint8_t byte) const {
  const uint32_t to = node ^ offset_of(units_[node]) ^ byte;
  if (byte == 0 || to >= units_.size() || (units_[to] & kLabelMask) != byte) return std::nullopt;
  return to;
}

bool Charsmap::leaves_pair(uint8_t c, uint8_t next) const {
  const auto node = child(0, c);
  return !node || ((units_[*node] & kValueFollows) == 0 && !child(*node, next));
}

// The map has a way for the bytes that these `count` code points begin with.
void Charsmap::mark_touched(uint32_t node, size_t first, size_t count) {
  if (count == 1 || (units_[node] & kValueFollows) != 0) {
    for (size_t code = first; code < std::min(first + count, untouched_.size()); ++code)
      untouched_[code] = false;
    return;
  }
  for (uint8_t tail = 0; tail < 64; ++tail) {
    const size_t part = count / 64;
    if (const auto next = child(node, 0x80 | tail)) mark_touched(*next, first + tail * part, part);
  }
}

size_t Charsmap::untouched(std::string_view text) const {
  size_t at = 0;
  while (at < text.size()) {
    const auto c = static_cast<uint8_t>(text[at]);
    if (c < 0x80) {
      const size_t next = at + 1 < text.size() ? static_cast<uint8_t>(text[at + 1]) : 0;
      if (c == ' ' && at > 0 && text[at - 1] == ' ') break;
      if (!pair_untouched_[size_t{c} * 256 + next] && longest_prefix(text.substr(at))) break;
      ++at;
    } else {
      const text::DecodedChar decoded = text::decode_utf8(text, at);
      if (!decoded.valid || (!untouched_[decoded.code] && longest_prefix(text.substr(at)))) break;
      at += decoded.bytes;
    }
  }
  return at;
}

std::optional<Charsmap::Replacement> Charsmap::longest_prefix(std::string_view text) const {
  std::optional<Replacement> longest;
  if (units_.empty()) return longest;
  uint32_t node = offset_of(units_[0]);
  for (size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<uint8_t>(text[at]);
    node ^= byte;
    if (byte == 0 || node >= units_.size() || (units_[node] & kLabelMask) != byte) break;
    const uint32_t unit = units_[node];
    node ^= offset_of(unit);
    if ((unit & kValueFollows) == 0) continue;
    if (node >= units_.size()) break;
    const size_t place = units_[node] & ~kIsValue;
    if (place >= replacements_.size()) break;
    // A C string: the constructor has seen to the zero byte at the end.
    longest = Replacement{std::string_view(replacements_.data() + place), at + 1};
  }
  return longest;
}

}  // namespace gantry::tokenizer
