#include "tokenizer/joints.h"

#include <algorithm>
#include <bit>

#include "text/utf8.h"

namespace gantry::tokenizer {
namespace {

bool is_continuation(char c) { return (static_cast<uint8_t>(c) & 0xC0) == 0x80; }

size_t promised_bytes(char lead) {
  const auto byte = static_cast<uint8_t>(lead);
  return byte < 0xC0 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

uint32_t pack(std::string_view bytes) {
  uint32_t packed = 0;
  for (const char c : bytes) packed = (packed << 8) | static_cast<uint8_t>(c);
  return packed;
}

// The last (first) n bytes of a packed character; 0: all of it.
uint32_t last_bytes(uint32_t packed, uint32_t n) { return n == 0 ? packed : packed & ((1u << (8 * n)) - 1); }
uint32_t first_bytes(uint32_t packed, uint32_t bytes, uint32_t n) {
  return n == 0 ? packed : packed >> (8 * (bytes - n));
}

}  // namespace

void Joints::reserve(size_t tokens_bytes) {
  const size_t bits = std::clamp(std::bit_ceil(tokens_bytes * 4), size_t{1} << 12, size_t{1} << 23);
  bits_.assign(bits / 64, 0);
  shift_ = 64 - std::countr_zero(bits);
}

size_t Joints::hash(uint32_t left, uint32_t right) {
  const uint64_t key = (uint64_t{left} << 32) | right;
  return (key ^ (key >> 29)) * 0x9E3779B97F4A7C15;
}

bool Joints::has(uint32_t left, uint32_t right) const {
  const size_t bit = hash(left, right) >> shift_;
  return (bits_[bit / 64] >> (bit % 64) & 1) != 0;
}

void Joints::put(uint32_t left, uint32_t right) {
  const size_t bit = hash(left, right) >> shift_;
  bits_[bit / 64] |= uint64_t{1} << (bit % 64);
}

void Joints::add(std::string_view token) {
  for (size_t at = 1; at < token.size(); ++at) {
    if (is_continuation(token[at])) continue;
    size_t first = at - 1;
    while (first > 0 && at - first < 4 && is_continuation(token[first])) --first;
    const std::string_view left = token.substr(first, at - first);
    const std::string_view right = token.substr(at, promised_bytes(token[at]));
    const bool left_cut = is_continuation(left[0]);
    const bool right_cut = right.size() < promised_bytes(token[at]);
    if ((left_cut && left.size() > 3) || (right_cut && right.size() > 3))
      continue;  // never beside valid text
    cut_[left_cut ? left.size() : 0][right_cut ? right.size() : 0] = true;
    const uint32_t a = pack(left);
    const uint32_t b = pack(right);
    if (a < 128 && b < 128) {
      ascii_[a][b] = true;
    } else {
      put(a, b);
    }
  }
}

Joints::Char Joints::char_at(std::string_view text, size_t at) {
  const auto lead = static_cast<uint8_t>(text[at]);
  if (lead < 0x80) return {lead, 1};
  const text::DecodedChar c = text::decode_utf8(text, at);
  return c.valid ? Char{pack(text.substr(at, c.bytes)), c.bytes} : Char{};
}

bool Joints::may_join(const Char& left, const Char& right) const {
  if (left.bytes == 0 || right.bytes == 0) return true;
  if (left.packed < 128 && right.packed < 128) return ascii_[left.packed][right.packed];
  for (uint32_t a = 0; a < left.bytes; ++a) {
    for (uint32_t b = 0; b < right.bytes; ++b) {
      if (cut_[a][b] && has(last_bytes(left.packed, a), first_bytes(right.packed, right.bytes, b)))
        return true;
    }
  }
  return false;
}

size_t Joints::island_end(std::string_view text, size_t from) const {
  Char left = char_at(text, from);
  size_t at = from + std::max<size_t>(left.bytes, 1);
  while (at < text.size()) {
    const Char right = char_at(text, at);
    if (!may_join(left, right)) return at;
    at += std::max<size_t>(right.bytes, 1);
    left = right;
  }
  return at;
}

}  // namespace gantry::tokenizer
