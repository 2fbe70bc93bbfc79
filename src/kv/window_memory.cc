#include "kv/window_memory.h"

#include <algorithm>

#include "base/check.h"
#include "base/pages.h"

namespace gantry::kv {

WindowMemory::WindowMemory(const Layout& layout, std::span<PageId> tables, PendingCopies& pending)
    : pending_(pending),
      number_(layout.pool),
      window_(layout.window),
      pages_max_(layout.pages_max),
      pool_(layout.pages),
      names_(layout.pages, kNoName),
      of_name_(layout.names, kNoPage),
      far_(layout.names, layout.far),
      idle_(layout.pages),
      tables_(tables),
      slots_(tables.size() / layout.pages_max) {
  GANTRY_CHECK_LE(1u, window_);
}

bool WindowMemory::covers(std::span<const NameId> names) const {
  const auto count = static_cast<uint32_t>(names.size());
  for (uint32_t i = first_seen(count * kPageTokens); i < count; ++i)
    if (of_name_[names[i]] == kNoPage && far_.at(names[i]) == kNoPlace) return false;
  return true;
}

uint32_t WindowMemory::count_far(std::span<const NameId> names) const {
  const auto count = static_cast<uint32_t>(names.size());
  uint32_t far = 0;
  for (uint32_t i = first_seen(count * kPageTokens); i < count; ++i)
    far += far_.at(names[i]) != kNoPlace ? 1u : 0u;
  return far;
}

// What is near is held before anything has to make room, and what is far keeps its place until it is brought
// back.
void WindowMemory::adopt(uint32_t slot, std::span<const NameId> names) {
  Slot& s = slots_[slot];
  const auto pages = table(slot);
  const auto count = static_cast<uint32_t>(names.size());
  const uint32_t first = first_seen(count * kPageTokens);
  // What the slot holds already may be within the window still.
  release_before(slot, first);
  s.first = std::max(s.first, first);
  const uint32_t begin = std::max(s.first, s.end);
  for (uint32_t i = begin; i < count; ++i) {
    pages[i] = of_name_[names[i]];
    if (pages[i] != kNoPage)
      hold(pages[i]);
    else
      far_.pin(names[i]);
  }
  for (uint32_t i = begin; i < count; ++i) {
    if (pages[i] != kNoPage) continue;
    pages[i] = take();
    GANTRY_CHECK_NE(pages[i], kNoPage);
    pending_.move(Kept::kWindowPage, number_, on_host(far_.at(names[i])), on_device(pages[i]));
    far_.give(names[i]);
    attach(pages[i], names[i]);
  }
  s.end = std::max(s.end, count);
}

void WindowMemory::grow(uint32_t slot, uint32_t written, uint32_t positions) {
  Slot& s = slots_[slot];
  release_before(slot, first_seen(written));
  const auto pages = table(slot);
  const uint32_t wanted = pages_for(positions);
  GANTRY_CHECK_LE(wanted, pages_max_);
  for (; s.end < wanted; ++s.end) {
    pages[s.end] = take();
    GANTRY_CHECK_NE(pages[s.end], kNoPage);
  }
}

void WindowMemory::commit(uint32_t slot, uint32_t positions, uint32_t first, std::span<const NameId> names) {
  const auto pages = table(slot);
  for (uint32_t i = 0; i < names.size(); ++i) {
    PageId& page = pages[first + i];
    if (page == kNoPage) continue;
    const PageId attached = of_name_[names[i]];
    if (attached == page) continue;
    if (attached == kNoPage) {
      far_.give(names[i]);  // it was computed again
      attach(page, names[i]);
    } else {  // another sequence was first, and wrote the same
      hold(attached);
      release(page);
      page = attached;
    }
  }
  release_before(slot, first_seen(positions));
}

void WindowMemory::fork(uint32_t slot, uint32_t other, uint32_t written) {
  const Slot& from = slots_[other];
  const auto pages = table(slot), others = table(other);
  Slot& s = slots_[slot];
  s.first = s.end = from.first;
  for (; s.end < std::min(from.end, pages_for(written)); ++s.end) {
    if (s.end < written / kPageTokens) {
      hold(others[s.end]);
      pages[s.end] = others[s.end];
    } else {
      pages[s.end] = take();
      GANTRY_CHECK_NE(pages[s.end], kNoPage);
      pending_.add(Kept::kWindowPage, number_, others[s.end], pages[s.end]);
    }
  }
}

bool WindowMemory::can_roll_back(uint32_t slot, uint32_t positions, std::span<const NameId> names) const {
  const uint32_t end = std::min(slots_[slot].first, pages_for(positions));
  for (uint32_t i = first_seen(positions); i < end; ++i)
    if (i >= names.size() || of_name_[names[i]] == kNoPage) return false;
  return true;
}

void WindowMemory::rollback(uint32_t slot, uint32_t positions, std::span<const NameId> names) {
  Slot& s = slots_[slot];
  const auto pages = table(slot);
  const uint32_t first = first_seen(positions), end = pages_for(positions);
  for (uint32_t i = first; i < std::min(s.first, end); ++i) {
    pages[i] = of_name_[names[i]];
    hold(pages[i]);
  }
  release_from(slot, end);
  s.first = std::min(s.first, first);
  s.end = end;
  if (positions % kPageTokens != 0) make_own(pages[end - 1]);
}

// For a partly filled page of a slot, which will be written on. The given up one goes first, so that the pool
// cannot be empty: no page of it is written before the pending copy is made.
void WindowMemory::make_own(PageId& page) {
  if (pool_.holders(page) == 1 && names_[page] == kNoName) return;
  const PageId shared = page;
  release(shared);
  page = take();
  GANTRY_CHECK_NE(page, kNoPage);
  if (page != shared) pending_.add(Kept::kWindowPage, number_, shared, page);
}

void WindowMemory::close(uint32_t slot) {
  release_before(slot, slots_[slot].end);
  slots_[slot] = {};
}

void WindowMemory::release_before(uint32_t slot, uint32_t end) {
  Slot& s = slots_[slot];
  const auto pages = table(slot);
  for (; s.first < std::min(s.end, end); ++s.first) {
    release(pages[s.first]);
    pages[s.first] = kNoPage;
  }
}

void WindowMemory::release_from(uint32_t slot, uint32_t begin) {
  const auto pages = table(slot);
  for (uint32_t i = slots_[slot].end; i-- > std::max(begin, slots_[slot].first);) {
    release(pages[i]);
    pages[i] = kNoPage;
  }
}

void WindowMemory::forget(NameId name) {
  far_.give(name);
  const PageId page = of_name_[name];
  if (page == kNoPage) return;
  detach(page);
  if (!idle_.contains(page)) return;
  idle_.remove(page);
  pool_.give(page);
}

void WindowMemory::attach(PageId page, NameId name) {
  of_name_[name] = page;
  names_[page] = name;
}

void WindowMemory::detach(PageId page) {
  of_name_[names_[page]] = kNoPage;
  names_[page] = kNoName;
}

PageId WindowMemory::take() {
  if (pool_.free() == 0 && idle_.oldest() != Recency::kNone) make_free(idle_.oldest());
  return pool_.take();
}

// What is in it moves away where there is a place.
void WindowMemory::make_free(PageId idle) {
  if (far_.make_room())
    pending_.move(Kept::kWindowPage, number_, on_device(idle), on_host(far_.take(names_[idle])));
  detach(idle);
  idle_.remove(idle);
  pool_.give(idle);
}

void WindowMemory::hold(PageId page) {
  GANTRY_CHECK_NE(page, kNoPage);
  if (idle_.contains(page)) idle_.remove(page);
  pool_.hold(page);
}

void WindowMemory::release(PageId page) {
  if (!pool_.release(page)) return;
  if (names_[page] != kNoName) return idle_.push(page);
  pending_.cancel(Kept::kWindowPage, number_, page);
  pool_.give(page);
}

void WindowMemory::list_unused(std::vector<PageId>& out) const {
  for (PageId page = 0; page < names_.size(); ++page)
    if (pool_.is_free(page)) out.push_back(page);
}

void WindowMemory::check() const {
  pool_.check();
  idle_.check();
  far_.check();
  std::vector<uint32_t> holders(names_.size());
  for (uint32_t slot = 0; slot < slots_.size(); ++slot) {
    const Slot& s = slots_[slot];
    for (uint32_t i = 0; i < pages_max_; ++i) {
      const PageId page = tables_[size_t{slot} * pages_max_ + i];
      GANTRY_CHECK_EQ(page != kNoPage, i >= s.first && i < s.end);
      if (page != kNoPage) ++holders[page];
    }
  }
  for (PageId page = 0; page < names_.size(); ++page) {
    const NameId name = names_[page];
    GANTRY_CHECK_EQ(pool_.holders(page), holders[page]);
    GANTRY_CHECK(name == kNoName || (of_name_[name] == page && far_.at(name) == kNoPlace));
    GANTRY_CHECK_EQ(idle_.contains(page), name != kNoName && holders[page] == 0);
    GANTRY_CHECK_EQ(pool_.is_free(page), name == kNoName && holders[page] == 0);
  }
}

}  // namespace gantry::kv
