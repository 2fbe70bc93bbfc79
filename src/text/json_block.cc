#include "text/json_block.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <new>

#include "base/random_id.h"

namespace gantry {
namespace {

constexpr size_t kValuesMax = (size_t{1} << 31) - 2;
constexpr size_t kFirstRoom = 2;  // items or members

// SipHash-1-3 (Aumasson and Bernstein, 2012) under a seed of this process: nobody outside can choose keys
// that meet in the index.
class KeyHash {
 public:
  // The first call may throw.
  static const std::array<uint64_t, 2>& seed() {
    static const std::array<uint64_t, 2> seed = {random_bits(), random_bits()};
    return seed;
  }
  static uint64_t of(std::string_view key) noexcept {
    KeyHash hash(seed());
    size_t at = 0;
    for (; at + sizeof(uint64_t) <= key.size(); at += sizeof(uint64_t)) {
      uint64_t word;
      std::memcpy(&word, key.data() + at, sizeof word);
      hash.add(word);
    }
    uint64_t last = uint64_t{key.size()} << 56;
    for (size_t i = 0; at + i < key.size(); ++i) last |= uint64_t{static_cast<uint8_t>(key[at + i])} << 8 * i;
    hash.add(last);
    return hash.finish();
  }

 private:
  explicit KeyHash(const std::array<uint64_t, 2>& seed)
      : a_(seed[0] ^ 0x736f6d6570736575),
        b_(seed[1] ^ 0x646f72616e646f6d),
        c_(seed[0] ^ 0x6c7967656e657261),
        d_(seed[1] ^ 0x7465646279746573) {}
  void add(uint64_t word) {
    d_ ^= word;
    round();
    a_ ^= word;
  }
  uint64_t finish() {
    c_ ^= 0xff;
    for (int i = 0; i < 3; ++i) round();
    return a_ ^ b_ ^ c_ ^ d_;
  }
  void round() {
    a_ += b_;
    b_ = std::rotl(b_, 13) ^ a_;
    a_ = std::rotl(a_, 32);
    c_ += d_;
    d_ = std::rotl(d_, 16) ^ c_;
    a_ += d_;
    d_ = std::rotl(d_, 21) ^ a_;
    c_ += b_;
    b_ = std::rotl(b_, 17) ^ c_;
    c_ = std::rotl(c_, 32);
  }

  uint64_t a_, b_, c_, d_;
};

// A Json knows no address of its own, so values move as bytes.
void move_bytes(Json* to, const Json* from, size_t values) noexcept {
  std::memmove(static_cast<void*>(to), static_cast<const void*>(from), values * sizeof(Json));
}

}  // namespace

size_t JsonBlock::slots_of(uint32_t capacity, bool keyed) {
  const size_t members = capacity / 2;
  return keyed && members >= Json::kIndexedKeys ? std::bit_ceil(members) * 2 : 0;  // at most half full
}

JsonBlock::Owner JsonBlock::make(size_t capacity, bool keyed) {
  if (capacity > kValuesMax / 2) throw std::bad_alloc();
  const auto values = static_cast<uint32_t>(keyed ? 2 * capacity : capacity);
  const size_t slots = slots_of(values, keyed);
  void* room = ::operator new(sizeof(JsonBlock) + size_t{values} * sizeof(Json) + slots * sizeof(uint32_t));
  Owner block(new (room) JsonBlock(values, keyed));
  std::fill_n(block->index(), slots, 0U);
  if (slots != 0) KeyHash::seed();
  return block;
}

JsonBlock::Owner JsonBlock::copy_of(const JsonBlock& other) {
  Owner block = make(other.keyed() ? other.values_ / 2 : other.values_, other.keyed());
  for (const Json& value : std::ranges::subrange(other.begin(), other.end())) {
    new (block->end()) Json(value);
    ++block->values_;
  }
  block->index_all();
  return block;
}

void JsonBlock::destroy(JsonBlock* block) noexcept {
  std::destroy(block->begin(), block->end());
  ::operator delete(block);
}

const Json* JsonBlock::find(std::string_view key) const {
  if (slots() != 0) {
    const uint32_t member = index()[slot_of(key)];
    return member == 0 ? end() : begin() + 2 * size_t{member - 1};
  }
  for (const Json* at = begin(); at != end(); at += 2)
    if (*at == key) return at;
  return end();
}

size_t JsonBlock::slot_of(std::string_view key) const {
  const size_t mask = slots() - 1;
  size_t slot = KeyHash::of(key) & mask;
  while (index()[slot] != 0 && begin()[2 * size_t{index()[slot] - 1}] != key) slot = (slot + 1) & mask;
  return slot;
}

void JsonBlock::enter(const Json* key) noexcept {
  index()[slot_of(key->get<std::string_view>())] = static_cast<uint32_t>(key - begin()) / 2 + 1;
}

void JsonBlock::index_all() noexcept {
  if (slots() == 0) return;
  std::fill_n(index(), slots(), 0U);
  for (const Json* key = begin(); key != end(); key += 2) enter(key);
}

JsonBlock* JsonBlock::with_room(JsonBlock* block, bool keyed) {
  const uint32_t values = block == nullptr ? 0 : block->values_, step = keyed ? 2 : 1;
  if (block != nullptr && values + step <= block->capacity()) return block;
  Owner larger = make(std::max<size_t>(kFirstRoom, 2 * size_t{values / step}), keyed);
  if (block != nullptr) {
    move_bytes(larger->begin(), block->begin(), values);
    larger->values_ = std::exchange(block->values_, 0U);
    larger->index_all();
    destroy(block);
  }
  return larger.release();
}

void JsonBlock::append(Json&& value) noexcept {
  new (end()) Json(std::move(value));
  ++values_;
}

void JsonBlock::append(Json&& key, Json&& value) noexcept {
  append(std::move(key));
  append(std::move(value));
  if (slots() != 0) enter(end() - 2);
}

void JsonBlock::insert(size_t before, Json&& value) noexcept {
  move_bytes(begin() + before + 1, begin() + before, values_ - before);
  new (begin() + before) Json(std::move(value));
  ++values_;
}

void JsonBlock::erase(size_t first, size_t last) noexcept {
  std::destroy(begin() + first, begin() + last);
  move_bytes(begin() + first, begin() + last, values_ - last);
  values_ -= static_cast<uint32_t>(last - first);
  index_all();
}

}  // namespace gantry
