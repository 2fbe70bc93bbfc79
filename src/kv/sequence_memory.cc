#include "kv/sequence_memory.h"

#include <algorithm>

#include "base/check.h"
#include "base/page_records.h"

namespace gantry::kv {
namespace {

PageTokens page_tokens(std::span<const TokenId> tokens, uint32_t page) {
  return PageTokens(tokens.data() + size_t{page} * kPageTokens, kPageTokens);
}

// What one fork or one rollback adds to the pending copies at most.
size_t copies_of_one(const MemoryLayout& layout) {
  return 1 + layout.windows.size() + (layout.recurrent ? 1 : 0);
}

}  // namespace

SequenceMemory::SequenceMemory(const MemoryLayout& layout)
    : layout_(layout),
      pending_(pending_copies_max(layout.slots, layout.windows.size())),
      pool_(layout.pages),
      index_(layout.pages, prefix_roots(layout.pages, layout.slots), layout.hash_mask),
      states_(layout.recurrent ? layout.slots : 0, layout.pages,
              layout.recurrent && layout.prefix_cache ? layout.checkpoints : 0, pending_),
      slots_(layout.slots),
      tables_(size_t{layout.slots} * layout.pages_max, kNoPage),
      window_tables_(tables_.size() * layout.windows.size(), kNoPage) {
  windows_.reserve(layout.windows.size());
  for (uint32_t i = 0; i < layout.windows.size(); ++i) {
    const auto [window, pages] = layout.windows[i];
    windows_.emplace_back(WindowMemory::Layout{i, window, pages, layout.pages, layout.pages_max},
                          std::span(window_tables_).subspan(i * tables_.size(), tables_.size()), pending_);
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

int32_t SequenceMemory::open(const RootKey& root) {
  if (closed_.empty()) return -1;
  return open_slot(layout_.prefix_cache ? open_root(root) : kNoRoot);
}

int32_t SequenceMemory::open_slot(RootId root) {
  const int32_t slot = closed_.back();
  closed_.pop_back();
  slots_[static_cast<size_t>(slot)] = {.open = true, .root = root};
  if (layout_.recurrent) states_.start(static_cast<uint32_t>(slot));
  return slot;
}

// There are more roots than slots. When all are taken, the one that no sequence has opened for longest goes,
// with its pages, all of which are idle.
RootId SequenceMemory::open_root(const RootKey& key) {
  Roots& roots = index_.roots();
  const RootId root = roots.open(key);
  if (root != kNoRoot) return root;
  const RootId victim = roots.least_recent();
  for (PageId page = index_.oldest_idle(); page != kNoPage;) {
    const PageId next = index_.next_idle(page);
    if (index_.root_of(page) == victim) evict(page);
    page = next;
  }
  return roots.open(key);
}

int32_t SequenceMemory::fork(int32_t slot) {
  const Slot from = slots_[index(slot)];
  if (closed_.empty() || !pending_.has_room(copies_of_one(layout_))) return -1;
  const uint32_t full = from.written / kPageTokens;
  const bool partial = from.written % kPageTokens != 0;
  const PageId own = partial ? take() : kNoPage;
  if (partial && own == kNoPage) return -1;
  if (from.root != kNoRoot) index_.roots().open(from.root);
  const int32_t forked = open_slot(from.root);
  const auto pages = table(slot), forked_pages = table(forked);
  for (uint32_t i = 0; i < full; ++i) {
    hold(pages[i]);
    forked_pages[i] = pages[i];
  }
  if (partial) {
    forked_pages[full] = own;
    pending_.add(Kept::kPage, 0, pages[full], own);
  }
  Slot& s = slots_[index(forked)];
  s.pages = pages_for(from.written);
  s.written = from.written;
  const auto number = static_cast<uint32_t>(slot), forked_number = static_cast<uint32_t>(forked);
  if (layout_.recurrent && s.written > 0) states_.start_from(forked_number, number);
  for (WindowMemory& window : windows_) window.fork(forked_number, number, s.written);
  return forked;
}

void SequenceMemory::close(int32_t slot) {
  Slot& s = slots_[index(slot)];
  release_pages_from(slot, 0);
  if (s.root != kNoRoot) index_.roots().close(s.root);
  s = {};
  if (layout_.recurrent) states_.close(static_cast<uint32_t>(slot));
  for (WindowMemory& window : windows_) window.close(static_cast<uint32_t>(slot));
  closed_.push_back(slot);
}

// From the last to the first: the first ones, which more prompts share, are to be evicted last.
void SequenceMemory::release_pages_from(int32_t slot, uint32_t first) {
  Slot& s = slots_[index(slot)];
  const auto pages = table(slot);
  while (s.pages > first) {
    release(pages[--s.pages]);
    pages[s.pages] = kNoPage;
  }
}

uint32_t SequenceMemory::adopt(int32_t slot, std::span<const TokenId> tokens) {
  Slot& s = slots_[index(slot)];
  if (!layout_.prefix_cache || s.written % kPageTokens != 0 || s.pages != s.written / kPageTokens) return 0;
  if (layout_.recurrent && !pending_.has_room(1)) return 0;
  const auto pages = table(slot);
  uint32_t known = s.pages, usable = s.pages;
  while ((size_t{known} + 1) * kPageTokens < tokens.size()) {
    const PageId parent = known == 0 ? kNoPage : pages[known - 1];
    const PageId page = index_.find(s.root, parent, page_tokens(tokens, known));
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

// The slot's full pages before `positions`, to which window pages may be attached.
std::span<const PageId> SequenceMemory::names_before(int32_t slot, uint32_t positions) const {
  if (!layout_.prefix_cache) return {};
  return table(slot).first(std::min(pages_for(positions), written(slot) / kPageTokens));
}

bool SequenceMemory::can_roll_back(int32_t slot, uint32_t positions) const {
  if (positions == 0 || positions == written(slot)) return true;
  if (positions > written(slot) || !pending_.has_room(copies_of_one(layout_))) return false;
  if (layout_.recurrent) {
    if (positions % kPageTokens != 0) return false;
    if (states_.checkpoints().at(table(slot)[positions / kPageTokens - 1]) == kNoState) return false;
  }
  const auto names = names_before(slot, positions);
  return std::all_of(windows_.begin(), windows_.end(), [&](const WindowMemory& window) {
    return window.can_roll_back(static_cast<uint32_t>(slot), positions, names);
  });
}

uint32_t SequenceMemory::border_to_roll_back_to(int32_t slot, uint32_t positions) const {
  uint32_t border = positions / kPageTokens * kPageTokens;
  while (!can_roll_back(slot, border)) border -= kPageTokens;
  return border;
}

uint32_t SequenceMemory::rollback(int32_t slot, uint32_t positions) {
  GANTRY_CHECK(can_roll_back(slot, positions));
  Slot& s = slots_[index(slot)];
  if (positions == s.written) return positions;
  const auto pages = table(slot);
  const uint32_t last = positions / kPageTokens;  // the page that is to be written on
  if (positions % kPageTokens != 0 && !is_own(pages[last]) && available() == 0) {
    // Releasing may yield a page for the copy; what others hold as well does not.
    const bool yields = std::any_of(pages.begin() + last, pages.begin() + s.pages,
                                    [&](PageId page) { return pool_.holders(page) == 1; });
    if (!yields) positions = border_to_roll_back_to(slot, positions);
  }
  // Windows first, while what is attached to the slot's pages cannot be evicted.
  const auto names = names_before(slot, positions);
  const auto number = static_cast<uint32_t>(slot);
  for (WindowMemory& window : windows_) window.rollback(number, positions, names);
  if (layout_.recurrent && positions == 0) states_.start(number);
  if (layout_.recurrent && positions > 0) states_.start_at(number, pages[positions / kPageTokens - 1]);
  release_pages_from(slot, pages_for(positions));
  s.written = positions;
  if (positions % kPageTokens != 0 && !is_own(pages[last])) {
    const PageId shared = pages[last];
    release(shared);
    pages[last] = take();
    GANTRY_CHECK_NE(pages[last], kNoPage);
    if (pages[last] != shared) pending_.add(Kept::kPage, 0, shared, pages[last]);
  }
  return positions;
}

uint32_t SequenceMemory::slice_end(int32_t slot, std::span<const TokenId> tokens) const {
  const auto count = static_cast<uint32_t>(tokens.size());
  return layout_.recurrent ? states_.slice_end(written(slot), count) : count;
}

void SequenceMemory::begin_step() {
  pending_.begin_step();
  states_.begin_step();
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
  if (layout_.prefix_cache) name_pages(slot, first, tokens.first(positions));
  const uint32_t full = layout_.prefix_cache ? positions / kPageTokens - first : 0;
  for (WindowMemory& window : windows_)
    window.commit(static_cast<uint32_t>(slot), positions, first, pages.subspan(first, full));
  if (!layout_.recurrent) return;
  const bool border = positions > 0 && positions % kPageTokens == 0;
  states_.commit(static_cast<uint32_t>(slot), border ? pages[positions / kPageTokens - 1] : kNoPage);
}

// Indexes the full pages from `first` on, or replaces them by the equal pages that are indexed already.
void SequenceMemory::name_pages(int32_t slot, uint32_t first, std::span<const TokenId> tokens) {
  const RootId root = slots_[index(slot)].root;
  const auto pages = table(slot);
  for (uint32_t i = first; i < tokens.size() / kPageTokens; ++i) {
    const PageId parent = i == 0 ? kNoPage : pages[i - 1];
    const PageId twin = index_.find(root, parent, page_tokens(tokens, i));
    if (twin == kNoPage) {
      index_.insert(pages[i], root, parent, page_tokens(tokens, i));
    } else {
      // Another sequence was first. Its page has the same bytes (contract E1): one of the two is enough, and
      // the pages after it are children of the indexed one.
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
  return index_.key(s.root, page == 0 ? kNoPage : table(slot)[page - 1], page_tokens(tokens, page));
}

PageId SequenceMemory::take() {
  if (pool_.free() == 0 && index_.oldest_idle() != kNoPage) evict(index_.oldest_idle());
  return pool_.take();
}

void SequenceMemory::evict(PageId page) {
  index_.evict(page);
  states_.forget(page);
  for (WindowMemory& window : windows_) window.forget(page);
  pool_.give(page);
}

void SequenceMemory::hold(PageId page) {
  if (index_.is_idle(page)) index_.set_busy(page);
  pool_.hold(page);
}

void SequenceMemory::release(PageId page) {
  if (!pool_.release(page)) return;
  if (index_.contains(page)) return index_.set_idle(page);
  pending_.cancel(Kept::kPage, 0, page);
  pool_.give(page);
}

std::vector<SequenceMemory::Unused> SequenceMemory::list_unused() const {
  std::vector<Unused> unused;
  std::vector<uint32_t> found;
  const auto list = [&](Kept what, uint32_t pool) {
    for (const uint32_t i : found)
      if (!pending_.reads(what, pool, i)) unused.push_back({what, pool, i});
    found.clear();
  };
  for (PageId page = 0; page < pool_.pages(); ++page)
    if (pool_.is_free(page)) found.push_back(page);
  list(Kept::kPage, 0);
  for (uint32_t i = 0; i < windows_.size(); ++i) {
    windows_[i].list_unused(found);
    list(Kept::kWindowPage, i);
  }
  states_.list_unused(found);
  list(Kept::kState, 0);
  return unused;
}

void SequenceMemory::check() const {
  pool_.check();
  index_.check();
  states_.check();
  for (const WindowMemory& window : windows_) window.check();
  for (PageId page = 0; page < pool_.pages(); ++page)
    GANTRY_CHECK(states_.checkpoints().at(page) == kNoState || index_.contains(page));
  check_slots();
}

void SequenceMemory::check_slots() const {
  std::vector<uint32_t> holders(pool_.pages()), sequences(index_.roots().count());
  size_t open = 0;
  for (size_t n = 0; n < slots_.size(); ++n) {
    const Slot& s = slots_[n];
    const auto pages = std::span(tables_).subspan(n * layout_.pages_max, layout_.pages_max);
    open += s.open ? 1 : 0;
    GANTRY_CHECK_EQ(s.root != kNoRoot, s.open && layout_.prefix_cache);
    if (s.root != kNoRoot) ++sequences[s.root];
    GANTRY_CHECK(s.open || (s.pages == 0 && s.written == 0));
    GANTRY_CHECK_LE(s.written, s.pages * kPageTokens);
    for (uint32_t i = 0; i < layout_.pages_max; ++i) {
      GANTRY_CHECK_EQ(pages[i] == kNoPage, i >= s.pages);
      if (i >= s.pages) continue;
      ++holders[pages[i]];
      const bool full = (i + 1) * kPageTokens <= s.written;
      GANTRY_CHECK_EQ(index_.contains(pages[i]), full && layout_.prefix_cache);
      if (index_.contains(pages[i])) GANTRY_CHECK_EQ(index_.root_of(pages[i]), s.root);
      if (!full) GANTRY_CHECK_EQ(pool_.holders(pages[i]), 1u);
    }
  }
  GANTRY_CHECK_EQ(open + closed_.size(), slots_.size());
  for (RootId root = 0; root < sequences.size(); ++root)
    GANTRY_CHECK_EQ(index_.roots().sequences(root), sequences[root]);
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
