// What short pieces of text were encoded to lately, on one thread: a table of fixed size where a new piece
// takes the place of an old one. It changes how fast an answer comes, never the answer. Entries carry the
// number of their tokenizer, so that several share it and none sees another's.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "os/memory_account.h"

namespace gantry::tokenizer {

// A piece in registers: its bytes, zeros behind them, and its length.
class PieceKey {
 public:
  static constexpr size_t kBytesMax = 24;

  // `readable_end`: how far memory behind the piece may be read, at least piece.end(). A longer piece has no
  // key.
  PieceKey(std::string_view piece, const char* readable_end) : bytes_(static_cast<uint32_t>(piece.size())) {
    if (piece.size() > kBytesMax) return;
    if (static_cast<size_t>(readable_end - piece.data()) >= kBytesMax) {
      std::memcpy(words_.data(), piece.data(), kBytesMax);
      for (size_t i = 0; i < 3; ++i) words_[i] &= mask(piece.size(), i);
    } else {
      std::memcpy(words_.data(), piece.data(), piece.size());
    }
  }
  bool fits() const { return bytes_ <= kBytesMax; }
  uint64_t hash() const {
    uint64_t h = (words_[0] ^ bytes_) * 0x9E3779B97F4A7C15;
    h ^= std::rotl(words_[1] * 0xD1B54A32D192ED03, 23) ^ std::rotl(words_[2] * 0x8CB92BA72F3D8DD7, 41);
    h ^= h >> 32;
    return h * 0x9E3779B97F4A7C15;
  }
  const std::array<uint64_t, 3>& words() const { return words_; }
  uint32_t bytes() const { return bytes_; }

 private:
  // The bytes of word i that belong to a piece of that length, on a little-endian machine.
  static uint64_t mask(size_t length, size_t i) {
    if (length >= 8 * (i + 1)) return ~uint64_t{0};
    return length <= 8 * i ? 0 : (uint64_t{1} << (8 * (length - 8 * i))) - 1;
  }
  static_assert(std::endian::native == std::endian::little);

  std::array<uint64_t, 3> words_{};
  uint32_t bytes_;
};

class PieceCache {
 public:
  // The calling thread's own.
  static PieceCache& of_thread() {
    thread_local PieceCache cache = [] {
      const os::AccountScope nobody(nullptr);  // the thread's, whoever is the first to need it
      return PieceCache();
    }();
    return cache;
  }

  // Appends the tokens of the piece if they are known. `owner`: which tokenizer, and which way of encoding.
  bool replay(const PieceKey& key, uint32_t owner, std::vector<TokenId>& out) const {
    const Slot& slot = slots_[index(key, owner)];
    uint64_t differ = (slot.owner ^ owner) | (slot.bytes ^ key.bytes());
    for (size_t i = 0; i < slot.words.size(); ++i) differ |= slot.words[i] ^ key.words()[i];
    if (differ != 0) return false;
    if (slot.count == 1) {
      out.push_back(slot.tokens[0]);
    } else {
      out.insert(out.end(), slot.tokens.begin(), slot.tokens.begin() + slot.count);
    }
    return true;
  }

  // The tokens of the piece are those from `first` to the end of `out`.
  void remember(const PieceKey& key, uint32_t owner, size_t first, const std::vector<TokenId>& out) {
    const size_t count = out.size() - first;
    if (!key.fits() || count > kTokensMax) return;
    Slot& slot = slots_[index(key, owner)];
    slot.words = key.words();
    slot.owner = owner;
    slot.bytes = static_cast<uint8_t>(key.bytes());
    slot.count = static_cast<uint8_t>(count);
    std::copy(out.begin() + static_cast<ptrdiff_t>(first), out.end(), slot.tokens.begin());
  }

 private:
  static constexpr size_t kTokensMax = 8;
  static constexpr int kSlotBits = 15;  // 2 MiB for each thread that encodes

  struct Slot {
    std::array<uint64_t, 3> words;
    uint32_t owner;  // 0: empty
    uint8_t bytes, count;
    std::array<TokenId, kTokensMax> tokens;
  };
  static_assert(sizeof(Slot) == 64);

  static size_t index(const PieceKey& key, uint32_t owner) {
    return ((key.hash() ^ uint64_t{owner} * 0xD6E8FEB86659FD93) * 0x9E3779B97F4A7C15) >> (64 - kSlotBits);
  }

  std::vector<Slot> slots_ = std::vector<Slot>(size_t{1} << kSlotBits);
};

}  // namespace gantry::tokenizer
