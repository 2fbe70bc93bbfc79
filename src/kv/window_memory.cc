#include "kv/window_memory.h"

#include <algorithm>

#include "base/check.h"

namespace gantry::kv {

WindowMemory::WindowMemory(uint32_t window, uint32_t pages, uint32_t names, std::span<PageId> tables,
                           uint32_t pages_max)
    : window_(window),
      pages_max_(pages_max),
      pool_(pages),
      pages_(pages),
      of_name_(names, kNoPage),
      tables_(tables),
      slots_(tables.size() / pages_max) {
  GANTRY_CHECK_LE(1u, window);
}

bool WindowMemory::covers(std::span<const PageId> names) const {
  const auto count = static_cast<uint32_t>(names.size());
  for (uint32_t i = first_seen(count * kPageTokens); i < count; ++i)
    if (of_name_[names[i]] == kNoPage) return false;
  return true;
}

void WindowMemory::adopt(uint32_t slot, std::span<const PageId> names) {
  Slot& s = slots_[slot];
  const auto pages = table(slot);
  const auto count = static_cast<uint32_t>(names.size());
  const uint32_t first = first_seen(count * kPageTokens);
  // What is held of the beginning may be seen by the rows to come.
  release_before(slot, first);
  s.first = std::max(s.first, first);
  for (uint32_t i = std::max(s.first, s.end); i < count; ++i) {
    pages[i] = of_name_[names[i]];
    hold(pages[i]);
  }
  s.end = std::max(s.end, count);
}

void WindowMemory::grow(uint32_t slot, uint32_t written, uint32_t positions) {
  Slot& s = slots_[slot];
  release_before(slot, first_seen(written));
  const auto pages = table(slot);
  const uint32_t wanted = (positions + kPageTokens - 1) / kPageTokens;
  GANTRY_CHECK_LE(wanted, pages_max_);
  for (; s.end < wanted; ++s.end) {
    pages[s.end] = take();
    GANTRY_CHECK_NE(pages[s.end], kNoPage);
  }
}

void WindowMemory::commit(uint32_t slot, uint32_t positions, uint32_t first, std::span<const PageId> names) {
  const auto pages = table(slot);
  for (uint32_t i = 0; i < names.size(); ++i) {
    PageId& page = pages[first + i];
    if (page == kNoPage) continue;
    PageId& attached = of_name_[names[i]];
    if (attached == page) continue;
    if (attached == kNoPage) {
      attached = page;
      pages_[page].name = names[i];
    } else {  // another sequence was first, and wrote the same
      hold(attached);
      release(page);
      page = attached;
    }
  }
  release_before(slot, first_seen(positions));
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

void WindowMemory::forget(PageId name) {
  const PageId page = of_name_[name];
  if (page == kNoPage) return;
  of_name_[name] = kNoPage;
  pages_[page].name = kNoPage;
  if (!pages_[page].idle) return;
  unlink(page);
  pool_.give(page);
}

PageId WindowMemory::take() {
  if (pool_.free() == 0 && oldest_ != kNoPage) forget(pages_[oldest_].name);
  return pool_.take();
}

void WindowMemory::hold(PageId page) {
  GANTRY_CHECK_NE(page, kNoPage);
  if (pages_[page].idle) unlink(page);
  pool_.hold(page);
}

void WindowMemory::release(PageId page) {
  if (!pool_.release(page)) return;
  Page& p = pages_[page];
  if (p.name == kNoPage) return pool_.give(page);
  p.idle = true;
  p.older = newest_;
  p.newer = kNoPage;
  (newest_ == kNoPage ? oldest_ : pages_[newest_].newer) = page;
  newest_ = page;
}

void WindowMemory::unlink(PageId page) {
  Page& p = pages_[page];
  (p.older == kNoPage ? oldest_ : pages_[p.older].newer) = p.newer;
  (p.newer == kNoPage ? newest_ : pages_[p.newer].older) = p.older;
  p.idle = false;
}

void WindowMemory::check() const {
  pool_.check();
  std::vector<uint32_t> holders(pages_.size());
  for (uint32_t slot = 0; slot < slots_.size(); ++slot) {
    const Slot& s = slots_[slot];
    for (uint32_t i = 0; i < pages_max_; ++i) {
      const PageId page = tables_[size_t{slot} * pages_max_ + i];
      GANTRY_CHECK_EQ(page != kNoPage, i >= s.first && i < s.end);
      if (page != kNoPage) ++holders[page];
    }
  }
  uint32_t idle = 0;
  for (PageId page = 0; page < pages_.size(); ++page) {
    const Page& p = pages_[page];
    GANTRY_CHECK_EQ(pool_.holders(page), holders[page]);
    GANTRY_CHECK(p.name == kNoPage || of_name_[p.name] == page);
    GANTRY_CHECK_EQ(p.idle, p.name != kNoPage && holders[page] == 0);
    GANTRY_CHECK_EQ(pool_.is_free(page), p.name == kNoPage && holders[page] == 0);
    idle += p.idle ? 1u : 0u;
  }
  for (PageId page = oldest_; page != kNoPage; page = pages_[page].newer) {
    GANTRY_CHECK(pages_[page].idle);
    --idle;
  }
  GANTRY_CHECK_EQ(idle, 0u);
}

}  // namespace gantry::kv
