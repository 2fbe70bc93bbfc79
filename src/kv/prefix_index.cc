#include "kv/prefix_index.h"

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "kv/hash.h"

namespace gantry::kv {

PrefixIndex::PrefixIndex(uint32_t names, uint32_t roots, uint64_t hash_mask)
    : hash_mask_(hash_mask), roots_(roots, hash_mask), entries_(names), idle_(names) {
  const uint32_t places = std::bit_ceil(std::max(2 * names, 2u));
  place_mask_ = places - 1;
  places_.assign(places, kNoName);
}

uint64_t PrefixIndex::key(RootId root, NameId parent, PageTokens tokens) const {
  uint64_t hash = parent == kNoName ? roots_.hash(root) : entries_[parent].hash;
  for (size_t i = 0; i < kPageTokens; i += 2) {
    const uint64_t pair =
        uint64_t{static_cast<uint32_t>(tokens[i])} << 32 | static_cast<uint32_t>(tokens[i + 1]);
    hash = fold(hash, pair);
  }
  return (hash & hash_mask_) | (uint64_t{1} << 63);
}

NameId PrefixIndex::find(RootId root, NameId parent, PageTokens tokens) const {
  const uint64_t hash = key(root, parent, tokens);
  for (uint32_t place = place_of(hash); places_[place] != kNoName; place = (place + 1) & place_mask_) {
    const Entry& entry = entries_[places_[place]];
    if (entry.hash == hash && entry.root == root && entry.parent == parent &&
        std::equal(tokens.begin(), tokens.end(), entry.tokens.begin()))
      return places_[place];
  }
  return kNoName;
}

void PrefixIndex::insert(NameId id, RootId root, NameId parent, PageTokens tokens) {
  Entry& entry = entries_[id];
  GANTRY_CHECK(!entry.indexed);
  if (parent != kNoName) {
    GANTRY_CHECK(entries_[parent].indexed);
    GANTRY_CHECK_EQ(entries_[parent].root, root);
    ++entries_[parent].children;
  }
  roots_.add_page(root);
  std::copy(tokens.begin(), tokens.end(), entry.tokens.begin());
  entry.hash = key(root, parent, tokens);
  entry.root = root;
  entry.parent = parent;
  entry.children = 0;
  entry.indexed = true;
  uint32_t place = place_of(entry.hash);
  while (places_[place] != kNoName) place = (place + 1) & place_mask_;
  places_[place] = id;
}

void PrefixIndex::erase(NameId id) {
  Entry& entry = entries_[id];
  GANTRY_CHECK_EQ(entry.children, 0u);
  if (entry.parent != kNoName) --entries_[entry.parent].children;
  roots_.remove_page(entry.root);
  entry.indexed = false;
  uint32_t hole = place_of(entry.hash);
  while (places_[hole] != id) hole = (hole + 1) & place_mask_;
  // Close the gap: move back every later entry of the run that may occupy the hole.
  for (uint32_t next = (hole + 1) & place_mask_; places_[next] != kNoName; next = (next + 1) & place_mask_) {
    const uint32_t home = place_of(entries_[places_[next]].hash);
    if (((next - home) & place_mask_) >= ((next - hole) & place_mask_)) {
      places_[hole] = places_[next];
      hole = next;
    }
  }
  places_[hole] = kNoName;
}

void PrefixIndex::check() const {
  idle_.check();
  std::vector<uint32_t> children(entries_.size());
  std::vector<uint32_t> age(entries_.size()), of_root(roots_.count());
  uint32_t oldest = 0, indexed = 0;
  for (NameId id = idle_.oldest(); id != kNoName; id = idle_.next(id)) {
    GANTRY_CHECK(entries_[id].indexed);
    age[id] = ++oldest;
  }
  for (NameId id = 0; id < entries_.size(); ++id) {
    const Entry& entry = entries_[id];
    if (!entry.indexed) continue;
    ++indexed;
    GANTRY_CHECK_EQ(find(entry.root, entry.parent, entry.tokens), id);
    ++of_root.at(entry.root);
    if (entry.parent == kNoName) continue;
    GANTRY_CHECK(entries_[entry.parent].indexed);
    GANTRY_CHECK_EQ(entries_[entry.parent].root, entry.root);
    ++children[entry.parent];
    if (is_idle(entry.parent) && is_idle(id)) GANTRY_CHECK_LT(age[id], age[entry.parent]);
  }
  uint32_t placed = 0;
  for (const NameId id : places_) placed += id != kNoName ? 1 : 0;
  GANTRY_CHECK_EQ(placed, indexed);
  for (NameId id = 0; id < entries_.size(); ++id)
    if (entries_[id].indexed) GANTRY_CHECK_EQ(entries_[id].children, children[id]);
  for (RootId root = 0; root < of_root.size(); ++root) GANTRY_CHECK_EQ(roots_.pages(root), of_root[root]);
  roots_.check();
}

}  // namespace gantry::kv
