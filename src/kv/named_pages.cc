#include "kv/named_pages.h"

#include <utility>

#include "base/check.h"

namespace gantry::kv {

NamedPages::NamedPages(const Layout& layout, PendingCopies& pending, std::function<void(NameId)> forget)
    : pending_(pending),
      forget_(std::move(forget)),
      pool_(layout.pages),
      index_(layout.pages + layout.far, layout.roots, layout.hash_mask),
      far_(layout.pages + layout.far, layout.far),
      pages_(layout.pages + layout.far, kNoPage),
      names_(layout.pages, kNoName) {
  free_.reserve(pages_.size());
  for (auto name = static_cast<NameId>(pages_.size()); name-- > 0;) free_.push_back(name);
}

RootId NamedPages::open_root(const RootKey& key) {
  Roots& roots = index_.roots();
  const RootId root = roots.open(key);
  if (root != kNoRoot) return root;
  const RootId victim = roots.least_recent();
  for (NameId name = far_.oldest(); name != kNoName;) {
    const NameId next = far_.next(name);
    if (index_.root_of(name) == victim) drop(name);
    name = next;
  }
  for (NameId name = index_.oldest_idle(); name != kNoName;) {
    const NameId next = index_.next_idle(name);
    if (index_.root_of(name) == victim) drop(name);
    name = next;
  }
  return roots.open(key);
}

PageId NamedPages::take() {
  if (pool_.free() == 0 && index_.oldest_idle() != kNoName) make_free(index_.oldest_idle());
  return pool_.take();
}

void NamedPages::hold(PageId page) {
  const NameId name = names_[page];
  if (name != kNoName && index_.is_idle(name)) index_.set_busy(name);
  pool_.hold(page);
}

void NamedPages::release(PageId page) {
  if (!pool_.release(page)) return;
  if (names_[page] != kNoName) return index_.set_idle(names_[page]);
  pending_.cancel(Kept::kPage, 0, page);
  pool_.give(page);
}

void NamedPages::attach(PageId page, NameId name) {
  pages_[name] = page;
  names_[page] = name;
}

PageId NamedPages::detach(NameId name) {
  const PageId page = std::exchange(pages_[name], kNoPage);
  names_[page] = kNoName;
  return page;
}

// What is in it moves away, or is forgotten. Where no place can be made all far names are pinned, and this
// one has no children among them: who pins, holds the parents.
void NamedPages::make_free(NameId idle) {
  if (!make_room_far()) return drop(idle);
  index_.set_busy(idle);
  const PageId page = detach(idle);
  pending_.move(Kept::kPage, 0, on_device(page), on_host(far_.take(idle)));
  pool_.give(page);
}

bool NamedPages::make_room_far() {
  if (far_.full() && far_.oldest() != kNoName) drop(far_.oldest());
  return !far_.full();
}

// Near and idle, or far; without children.
void NamedPages::drop(NameId name) {
  forget_(name);
  if (is_near(name)) {
    index_.evict(name);
    pool_.give(detach(name));
  } else {
    far_.give(name);
    index_.erase(name);
  }
  free_.push_back(name);
}

void NamedPages::fetch(std::span<const NameId> names, std::span<PageId> out) {
  GANTRY_CHECK_EQ(names.size(), out.size());
  // Making room for the first must not cost the others their places.
  for (const NameId name : names) far_.pin(name);
  for (size_t i = 0; i < names.size(); ++i) {
    out[i] = take();
    GANTRY_CHECK_NE(out[i], kNoPage);
    pending_.move(Kept::kPage, 0, on_host(far_.at(names[i])), on_device(out[i]));
    far_.give(names[i]);
    attach(out[i], names[i]);
  }
}

NameId NamedPages::give_name(PageId& page, RootId root, NameId parent, PageTokens tokens) {
  NameId name = index_.find(root, parent, tokens);
  if (name != kNoName && is_near(name)) {
    // Another sequence was first. Its page has the same bytes (contract E1): one of the two is enough, and
    // the pages after it are children of that name.
    hold(pages_[name]);
    release(page);
    page = pages_[name];
    return name;
  }
  if (name == kNoName) {
    name = free_.back();
    free_.pop_back();
    index_.insert(name, root, parent, tokens);
  } else {
    far_.give(name);  // it was computed again, and need not be brought back
  }
  attach(page, name);
  return name;
}

void NamedPages::check() const {
  pool_.check();
  index_.check();
  far_.check();
  uint32_t kept = 0, unused = 0;
  for (NameId name = 0; name < pages_.size(); ++name) {
    const bool near = is_near(name), far = far_.at(name) != kNoPlace;
    unused += index_.contains(name) ? 0u : 1u;
    GANTRY_CHECK_EQ(near || far, index_.contains(name));
    GANTRY_CHECK(!(near && far));
    if (near) GANTRY_CHECK_EQ(names_[pages_[name]], name);
    if (!index_.contains(name)) continue;
    const NameId parent = index_.parent_of(name);
    if (near && parent != kNoName) GANTRY_CHECK(is_near(parent));
    GANTRY_CHECK_EQ(index_.is_idle(name), near && pool_.holders(pages_[name]) == 0);
  }
  GANTRY_CHECK_EQ(unused, free_.size());
  for (PageId page = 0; page < names_.size(); ++page) {
    if (names_[page] != kNoName) GANTRY_CHECK_EQ(pages_[names_[page]], page);
    if (pool_.is_free(page)) GANTRY_CHECK_EQ(names_[page], kNoName);
    kept += pool_.holders(page) == 0 && !pool_.is_free(page) ? 1u : 0u;
  }
  GANTRY_CHECK_EQ(kept, index_.idle());
}

}  // namespace gantry::kv
