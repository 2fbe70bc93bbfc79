#include "kv/roots.h"

#include <cstring>

#include "base/check.h"
#include "kv/hash.h"

namespace gantry::kv {
namespace {

constexpr uint64_t kRootHash = 0x6a09e667f3bcc908;  // the fraction of sqrt(2)

uint64_t hash_of(const RootKey& key) {
  static_assert(sizeof(RootKey) % sizeof(uint64_t) == 0 && sizeof(RootKey) == 3 * 32 + kSaltBytesMax);
  uint64_t hash = kRootHash;
  for (size_t at = 0; at < sizeof(RootKey); at += sizeof(uint64_t)) {
    uint64_t word = 0;
    std::memcpy(&word, reinterpret_cast<const char*>(&key) + at, sizeof(word));
    hash = fold(hash, word);
  }
  return hash;
}

}  // namespace

Roots::Roots(uint32_t count, uint64_t hash_mask) : hash_mask_(hash_mask), entries_(count) {}

RootId Roots::open(const RootKey& key) {
  const uint64_t hash = hash_of(key) & hash_mask_;
  RootId found = kNoRoot;
  for (RootId i = 0; i < count(); ++i) {
    const Entry& entry = entries_[i];
    if (entry.known() && entry.hash == hash && entry.key == key) {
      found = i;
      break;
    }
    if (!entry.known() && found == kNoRoot) found = i;
  }
  if (found == kNoRoot) return kNoRoot;
  Entry& entry = entries_[found];
  if (!entry.known()) entry = {key, hash, 0, 0, 0};
  entry.opened = ++time_;
  ++entry.sequences;
  return found;
}

void Roots::close(RootId root) {
  GANTRY_CHECK_LT(0u, entries_[root].sequences);
  --entries_[root].sequences;
}

void Roots::remove_page(RootId root) {
  GANTRY_CHECK_LT(0u, entries_[root].pages);
  --entries_[root].pages;
}

RootId Roots::least_recent() const {
  RootId least = kNoRoot;
  for (RootId i = 0; i < count(); ++i) {
    const Entry& entry = entries_[i];
    if (!entry.known() || entry.sequences > 0) continue;
    if (least == kNoRoot || entry.opened < entries_[least].opened) least = i;
  }
  return least;
}

uint32_t Roots::known() const {
  uint32_t known = 0;
  for (const Entry& entry : entries_) known += entry.known() ? 1u : 0u;
  return known;
}

void Roots::check() const {
  for (RootId i = 0; i < count(); ++i)
    for (RootId j = 0; j < i; ++j)
      GANTRY_CHECK(!entries_[i].known() || !entries_[j].known() || !(entries_[i].key == entries_[j].key));
}

}  // namespace gantry::kv
