#include "kv/prefix_index.h"

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "kv/hash.h"

namespace gantry::kv {

PrefixIndex::PrefixIndex(uint32_t pages, uint32_t roots, uint64_t hash_mask)
    : hash_mask_(hash_mask), roots_(roots, hash_mask), pages_(pages) {
  const uint32_t places = std::bit_ceil(std::max(2 * pages, 2u));
  place_mask_ = places - 1;
  places_.assign(places, kNoPage);
}

uint64_t PrefixIndex::key(RootId root, PageId parent, PageTokens tokens) const {
  uint64_t hash = parent == kNoPage ? roots_.hash(root) : pages_[parent].hash;
  for (size_t i = 0; i < kPageTokens; i += 2) {
    const uint64_t pair =
        uint64_t{static_cast<uint32_t>(tokens[i])} << 32 | static_cast<uint32_t>(tokens[i + 1]);
    hash = fold(hash, pair);
  }
  return (hash & hash_mask_) | (uint64_t{1} << 63);
}

PageId PrefixIndex::find(RootId root, PageId parent, PageTokens tokens) const {
  const uint64_t hash = key(root, parent, tokens);
  for (uint32_t place = place_of(hash); places_[place] != kNoPage; place = (place + 1) & place_mask_) {
    const Page& page = pages_[places_[place]];
    if (page.hash == hash && page.root == root && page.parent == parent &&
        std::equal(tokens.begin(), tokens.end(), page.tokens.begin()))
      return places_[place];
  }
  return kNoPage;
}

void PrefixIndex::insert(PageId id, RootId root, PageId parent, PageTokens tokens) {
  Page& page = pages_[id];
  GANTRY_CHECK(!page.indexed);
  if (parent != kNoPage) {
    GANTRY_CHECK(pages_[parent].indexed);
    GANTRY_CHECK_EQ(pages_[parent].root, root);
    ++pages_[parent].children;
  }
  roots_.add_page(root);
  std::copy(tokens.begin(), tokens.end(), page.tokens.begin());
  page.hash = key(root, parent, tokens);
  page.root = root;
  page.parent = parent;
  page.children = 0;
  page.indexed = true;
  uint32_t place = place_of(page.hash);
  while (places_[place] != kNoPage) place = (place + 1) & place_mask_;
  places_[place] = id;
}

void PrefixIndex::erase(PageId id) {
  Page& page = pages_[id];
  GANTRY_CHECK_EQ(page.children, 0u);
  if (page.parent != kNoPage) --pages_[page.parent].children;
  roots_.remove_page(page.root);
  page.indexed = false;
  uint32_t hole = place_of(page.hash);
  while (places_[hole] != id) hole = (hole + 1) & place_mask_;
  // Close the gap: move back every later entry of the run that may occupy the hole.
  for (uint32_t next = (hole + 1) & place_mask_; places_[next] != kNoPage; next = (next + 1) & place_mask_) {
    const uint32_t home = place_of(pages_[places_[next]].hash);
    if (((next - home) & place_mask_) >= ((next - hole) & place_mask_)) {
      places_[hole] = places_[next];
      hole = next;
    }
  }
  places_[hole] = kNoPage;
}

void PrefixIndex::set_idle(PageId id) {
  Page& page = pages_[id];
  GANTRY_CHECK(page.indexed && !page.idle);
  page.idle = true;
  page.older = newest_;
  page.newer = kNoPage;
  (newest_ == kNoPage ? oldest_ : pages_[newest_].newer) = id;
  newest_ = id;
  ++idle_count_;
}

void PrefixIndex::set_busy(PageId id) {
  GANTRY_CHECK(pages_[id].indexed && pages_[id].idle);
  unlink(id);
}

void PrefixIndex::evict(PageId id) {
  GANTRY_CHECK(pages_[id].idle);
  unlink(id);
  erase(id);
}

void PrefixIndex::unlink(PageId id) {
  Page& page = pages_[id];
  (page.older == kNoPage ? oldest_ : pages_[page.older].newer) = page.newer;
  (page.newer == kNoPage ? newest_ : pages_[page.newer].older) = page.older;
  page.idle = false;
  --idle_count_;
}

void PrefixIndex::check() const {
  std::vector<uint32_t> children(pages_.size());
  std::vector<uint32_t> age(pages_.size()), of_root(roots_.count());
  uint32_t idle = 0, indexed = 0;
  for (PageId id = oldest_; id != kNoPage; id = pages_[id].newer) {
    GANTRY_CHECK(pages_[id].idle && pages_[id].indexed);
    age[id] = ++idle;
    GANTRY_CHECK_LE(idle, idle_count_);
  }
  GANTRY_CHECK_EQ(idle, idle_count_);
  for (PageId id = 0; id < pages_.size(); ++id) {
    const Page& page = pages_[id];
    GANTRY_CHECK(page.indexed || !page.idle);
    GANTRY_CHECK_EQ(page.idle, age[id] != 0);
    if (!page.indexed) continue;
    ++indexed;
    GANTRY_CHECK_EQ(find(page.root, page.parent, page.tokens), id);
    ++of_root.at(page.root);
    if (page.parent == kNoPage) continue;
    GANTRY_CHECK(pages_[page.parent].indexed);
    GANTRY_CHECK_EQ(pages_[page.parent].root, page.root);
    ++children[page.parent];
    if (pages_[page.parent].idle) GANTRY_CHECK(page.idle && age[id] < age[page.parent]);
  }
  uint32_t placed = 0;
  for (const PageId id : places_) placed += id != kNoPage ? 1 : 0;
  GANTRY_CHECK_EQ(placed, indexed);
  for (PageId id = 0; id < pages_.size(); ++id)
    if (pages_[id].indexed) GANTRY_CHECK_EQ(pages_[id].children, children[id]);
  for (RootId root = 0; root < of_root.size(); ++root) GANTRY_CHECK_EQ(roots_.pages(root), of_root[root]);
  roots_.check();
}

}  // namespace gantry::kv
