#include "kv/sequence_memory.h"

#include <algorithm>

#include "base/check.h"

namespace gantry::kv {
namespace {

PageTokens page_tokens(std::span<const TokenId> tokens, uint32_t page) {
  return PageTokens(tokens.data() + size_t{page} * kPageTokens, kPageTokens);
}

}  // namespace

SequenceMemory::SequenceMemory(const MemoryLayout& layout)
    : layout_(layout),
      pool_(layout.pages),
      index_(layout.pages, layout.hash_mask),
      states_(layout.recurrent ? layout.slots : 0, layout.pages,
              layout.recurrent && layout.prefix_cache ? layout.checkpoints : 0),
      slots_(layout.slots),
      tables_(size_t{layout.slots} * layout.pages_max, kNoPage),
      window_tables_(tables_.size() * layout.windows.size(), kNoPage) {
  for (size_t i = 0; i < layout.windows.size(); ++i) {
    const auto [window, pages] = layout.windows[i];
    windows_.emplace_back(window, pages, layout.pages,
                          std::span(window_tables_).subspan(i * tables_.size(), tables_.size()),
                          layout.pages_max);
  }
  closed_.reserve(layout.slots);
  for (uint32_t i = layout.slots; i-- > 0;) closed_.push_back(static_cast<int32_t>(i));
}

size_t SequenceMemory::index(int32_t slot) const {
  GANTRY_CHECK(slot >= 0 && static_cast<size_t>(slot) < slots_.size());
  GANTRY_CHECK(slots_[static_cast<size_t>(slot)].open);
  return static_cast<size_t>(slot);
}

std::span<PageId> SequenceMemory::table(int32_t slot) {
  return std::span(tables_).subspan(index(slot) * layout_.pages_max, layout_.pages_max);
}

std::span<const PageId> SequenceMemory::table(int32_t slot) const {
  return std::span(tables_).subspan(index(slot) * layout_.pages_max, layout_.pages_max);
}

int32_t SequenceMemory::open() {
  if (closed_.empty()) return -1;
  const int32_t slot = closed_.back();
  closed_.pop_back();
  slots_[static_cast<size_t>(slot)].open = true;
  if (layout_.recurrent) states_.start(static_cast<uint32_t>(slot));
  return slot;
}

void SequenceMemory::close(int32_t slot) {
  Slot& s = slots_[index(slot)];
  const auto pages = table(slot);
  // From the end, so that the beginning, which more prompts share, is evicted last.
  while (s.pages > 0) {
    release(pages[--s.pages]);
    pages[s.pages] = kNoPage;
  }
  s = {};
  if (layout_.recurrent) states_.close(static_cast<uint32_t>(slot));
  for (WindowMemory& window : windows_) window.close(static_cast<uint32_t>(slot));
  closed_.push_back(slot);
}

uint32_t SequenceMemory::adopt(int32_t slot, std::span<const TokenId> tokens) {
  Slot& s = slots_[index(slot)];
  if (!layout_.prefix_cache || s.written % kPageTokens != 0 || s.pages != s.written / kPageTokens) return 0;
  const auto pages = table(slot);
  uint32_t known = s.pages, usable = s.pages;
  while ((size_t{known} + 1) * kPageTokens < tokens.size()) {
    const PageId page = index_.find(known == 0 ? kNoPage : pages[known - 1], page_tokens(tokens, known));
    if (page == kNoPage) break;
    pages[known++] = page;
    if (can_go_on_after(pages.first(known))) usable = known;
  }
  while (known > usable) pages[--known] = kNoPage;
  const uint32_t gained = (usable - s.pages) * kPageTokens;
  while (s.pages < usable) hold(pages[s.pages++]);
  s.written += gained;
  if (gained == 0) return 0;
  if (layout_.recurrent) states_.start_at(static_cast<uint32_t>(slot), pages[usable - 1]);
  for (WindowMemory& window : windows_) window.adopt(static_cast<uint32_t>(slot), pages.first(usable));
  return gained;
}

bool SequenceMemory::can_go_on_after(std::span<const PageId> pages) const {
  if (layout_.recurrent && states_.checkpoints().at(pages.back()) == kNoState) return false;
  return std::all_of(windows_.begin(), windows_.end(),
                     [&](const WindowMemory& window) { return window.covers(pages); });
}

uint32_t SequenceMemory::grow(int32_t slot, uint32_t positions) {
  Slot& s = slots_[index(slot)];
  const uint32_t wanted = pages_for(positions);
  GANTRY_CHECK_LE(wanted, layout_.pages_max);
  const auto pages = table(slot);
  while (s.pages < wanted) {
    const PageId page = take();
    if (page == kNoPage) break;
    pages[s.pages++] = page;
  }
  const uint32_t room = std::min(positions, s.pages * kPageTokens);
  for (WindowMemory& window : windows_) window.grow(static_cast<uint32_t>(slot), s.written, room);
  return room;
}

uint32_t SequenceMemory::slice_end(int32_t slot, std::span<const TokenId> tokens) const {
  const auto count = static_cast<uint32_t>(tokens.size());
  return layout_.recurrent ? states_.slice_end(written(slot), count) : count;
}

void SequenceMemory::begin_step() {
  if (layout_.recurrent) states_.begin_step();
}

void SequenceMemory::will_write(int32_t slot, std::span<const TokenId> tokens, uint32_t positions) {
  if (!layout_.recurrent) return;
  states_.will_write(static_cast<uint32_t>(index(slot)), positions, static_cast<uint32_t>(tokens.size()));
}

void SequenceMemory::commit(int32_t slot, std::span<const TokenId> tokens, uint32_t positions) {
  Slot& s = slots_[index(slot)];
  GANTRY_CHECK_LE(s.written, positions);
  GANTRY_CHECK_LE(positions, s.pages * kPageTokens);
  GANTRY_CHECK_LE(positions, tokens.size());
  const uint32_t first = s.written / kPageTokens;
  s.written = positions;
  const auto pages = table(slot);
  if (layout_.prefix_cache) name_pages(pages, first, tokens.first(positions));
  const uint32_t full = layout_.prefix_cache ? positions / kPageTokens - first : 0;
  for (WindowMemory& window : windows_)
    window.commit(static_cast<uint32_t>(slot), positions, first, pages.subspan(first, full));
  if (!layout_.recurrent) return;
  const bool border = positions > 0 && positions % kPageTokens == 0;
  states_.commit(static_cast<uint32_t>(slot), border ? pages[positions / kPageTokens - 1] : kNoPage);
}

// Puts the full pages from `first` on into the index, or takes what already stands there for them.
void SequenceMemory::name_pages(std::span<PageId> pages, uint32_t first, std::span<const TokenId> tokens) {
  for (uint32_t i = first; i < tokens.size() / kPageTokens; ++i) {
    const PageId parent = i == 0 ? kNoPage : pages[i - 1];
    const PageId twin = index_.find(parent, page_tokens(tokens, i));
    if (twin == kNoPage) {
      index_.insert(pages[i], parent, page_tokens(tokens, i));
    } else {
      // Another sequence was first. Its page has the same bytes (contract E1): one of the two is enough, and
      // all that follows hangs below the indexed one.
      hold(twin);
      release(pages[i]);
      pages[i] = twin;
    }
  }
}

uint64_t SequenceMemory::next_page_key(int32_t slot, std::span<const TokenId> tokens) const {
  const Slot& s = slots_[index(slot)];
  const uint32_t page = s.written / kPageTokens;
  if (!layout_.prefix_cache || (size_t{page} + 1) * kPageTokens > tokens.size()) return 0;
  if (layout_.recurrent && layout_.checkpoints == 0) return 0;
  return index_.key(page == 0 ? kNoPage : table(slot)[page - 1], page_tokens(tokens, page));
}

PageId SequenceMemory::take() {
  if (pool_.free() == 0) {
    const PageId kept = index_.evict();
    if (kept != kNoPage) {
      states_.forget(kept);
      for (WindowMemory& window : windows_) window.forget(kept);
      pool_.give(kept);
    }
  }
  return pool_.take();
}

void SequenceMemory::hold(PageId page) {
  if (index_.is_idle(page)) index_.set_busy(page);
  pool_.hold(page);
}

void SequenceMemory::release(PageId page) {
  if (!pool_.release(page)) return;
  if (index_.contains(page))
    index_.set_idle(page);
  else
    pool_.give(page);
}

std::vector<StateId> SequenceMemory::unused_states() const {
  std::vector<StateId> unused;
  states_.list_unused(unused);
  return unused;
}

void SequenceMemory::check() const {
  pool_.check();
  index_.check();
  states_.check();
  for (const WindowMemory& window : windows_) window.check();
  for (PageId page = 0; page < pool_.pages(); ++page)
    GANTRY_CHECK(states_.checkpoints().at(page) == kNoState || index_.contains(page));
  std::vector<uint32_t> holders(pool_.pages());
  size_t open = 0;
  for (size_t n = 0; n < slots_.size(); ++n) {
    const Slot& s = slots_[n];
    const auto pages = std::span(tables_).subspan(n * layout_.pages_max, layout_.pages_max);
    open += s.open ? 1 : 0;
    GANTRY_CHECK(s.open || (s.pages == 0 && s.written == 0));
    GANTRY_CHECK_LE(s.written, s.pages * kPageTokens);
    for (uint32_t i = 0; i < layout_.pages_max; ++i) {
      GANTRY_CHECK_EQ(pages[i] == kNoPage, i >= s.pages);
      if (i >= s.pages) continue;
      ++holders[pages[i]];
      const bool full = (i + 1) * kPageTokens <= s.written;
      GANTRY_CHECK_EQ(index_.contains(pages[i]), full && layout_.prefix_cache);
      if (!full) GANTRY_CHECK_EQ(pool_.holders(pages[i]), 1u);
    }
  }
  GANTRY_CHECK_EQ(open + closed_.size(), slots_.size());
  uint32_t held = 0, kept = 0;
  for (PageId page = 0; page < pool_.pages(); ++page) {
    GANTRY_CHECK_EQ(pool_.holders(page), holders[page]);
    held += holders[page] > 0 ? 1u : 0u;
    const bool is_kept = holders[page] == 0 && !pool_.is_free(page);
    kept += is_kept ? 1u : 0u;
    GANTRY_CHECK_EQ(is_kept, index_.is_idle(page));
  }
  GANTRY_CHECK_EQ(kept, index_.idle());
  GANTRY_CHECK_EQ(pool_.free() + kept + held, pool_.pages());
}

}  // namespace gantry::kv
