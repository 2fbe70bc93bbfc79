#include "tokenizer/charsmap.h"

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
  for (size_t pair = 0; pair < left_alone_.size(); ++pair)
    left_alone_[pair] = leaves_pair(static_cast<uint8_t>(pair / 128), static_cast<uint8_t>(pair % 128));
}

uint8_t Charsmap::leaves_pair(uint8_t c, uint8_t next) const {
  if (units_.empty() || c == 0) return 1;
  uint32_t node = offset_of(units_[0]) ^ c;
  if (node >= units_.size() || (units_[node] & kLabelMask) != c) return 1;
  if ((units_[node] & kValueFollows) != 0) return 0;
  node ^= offset_of(units_[node]) ^ next;
  return next == 0 || node >= units_.size() || (units_[node] & kLabelMask) != next ? 1 : 0;
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
