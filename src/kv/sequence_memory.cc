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

// Without names nothing is found again, and what may not come back need not go.
MemoryLayout sensible(MemoryLayout layout) {
  if (!layout.prefix_cache || layout.fetched_max == 0) layout.host = {};
  if (layout.host == TierSizes{}) layout.fetched_max = 0;
  layout.host.window_pages.resize(layout.windows.size(), 0);
  if (!layout.prefix_cache) layout.checkpoints = 0;
  return layout;
}

uint32_t names_in(const MemoryLayout& layout) { return layout.pages + layout.host.pages; }

uint64_t window_pages(const MemoryLayout& layout) {
  uint64_t pages = 0;
  for (const MemoryLayout::Window& window : layout.windows) pages += window.pages;
  return pages;
}

}  // namespace

SequenceMemory::SequenceMemory(const MemoryLayout& layout)
    : layout_(sensible(layout)),
      pending_(pending_copies_max(layout.slots, layout.windows.size()),
               pending_moves_max(layout.pages, window_pages(layout), layout_.fetched_max)),
      pages_({layout.pages, layout_.host.pages, prefix_roots(layout.pages, layout.slots), layout.hash_mask},
             pending_, [this](NameId name) { forget(name); }),
      states_({.slots = layout.recurrent ? layout.slots : 0,
               .names = names_in(layout_),
               .checkpoints = layout.recurrent ? layout_.checkpoints : 0,
               .far = layout.recurrent ? layout_.host.states : 0},
              pending_),
      slots_(layout.slots),
      tables_(size_t{layout.slots} * layout.pages_max, kNoPage),
      names_(layout.prefix_cache ? tables_.size() : 0, kNoName),
      window_tables_(tables_.size() * layout.windows.size(), kNoPage),
      fetches_left_(layout_.fetched_max) {
  windows_.reserve(layout.windows.size());
  for (uint32_t i = 0; i < layout.windows.size(); ++i) {
    const auto [window, pages] = layout.windows[i];
    windows_.emplace_back(WindowMemory::Layout{.pool = i,
                                               .window = window,
                                               .pages = pages,
                                               .names = names_in(layout_),
                                               .pages_max = layout.pages_max,
                                               .far = layout_.host.window_pages[i]},
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

std::span<NameId> SequenceMemory::names(int32_t slot) {
  return std::span(names_).subspan(index(slot) * layout_.pages_max, layout_.pages_max);
}

std::span<const NameId> SequenceMemory::names(int32_t slot) const {
  return std::span(names_).subspan(index(slot) * layout_.pages_max, layout_.pages_max);
}

int32_t SequenceMemory::open(const RootKey& root) {
  if (closed_.empty()) return -1;
  return open_slot(layout_.prefix_cache ? pages_.open_root(root) : kNoRoot);
}

int32_t SequenceMemory::open_slot(RootId root) {
  const int32_t slot = closed_.back();
  closed_.pop_back();
  slots_[static_cast<size_t>(slot)] = {.open = true, .root = root};
  if (layout_.recurrent) states_.start(static_cast<uint32_t>(slot));
  return slot;
}

int32_t SequenceMemory::fork(int32_t slot) {
  const Slot from = slots_[index(slot)];
  if (closed_.empty() || !pending_.has_room(copies_of_one(layout_))) return -1;
  const uint32_t full = from.written / kPageTokens;
  const bool partial = from.written % kPageTokens != 0;
  const PageId own = partial ? pages_.take() : kNoPage;
  if (partial && own == kNoPage) return -1;
  if (from.root != kNoRoot) pages_.open_root(from.root);
  const int32_t forked = open_slot(from.root);
  const auto pages = table(slot), forked_pages = table(forked);
  for (uint32_t i = 0; i < full; ++i) {
    pages_.hold(pages[i]);
    forked_pages[i] = pages[i];
  }
  if (layout_.prefix_cache) std::ranges::copy(names(slot).first(full), names(forked).begin());
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
  if (s.root != kNoRoot) pages_.close_root(s.root);
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
    pages_.release(pages[--s.pages]);
    pages[s.pages] = kNoPage;
    if (layout_.prefix_cache) names(slot)[s.pages] = kNoName;
  }
}

uint32_t SequenceMemory::adopt(int32_t slot, std::span<const TokenId> tokens, bool fetches) {
  Slot& s = slots_[index(slot)];
  if (!layout_.prefix_cache || s.written % kPageTokens != 0 || s.pages != s.written / kPageTokens) return 0;
  if (layout_.recurrent && !pending_.has_room(1)) return 0;
  const uint32_t begin = s.pages, end = usable(slot, tokens, fetches);
  if (end == begin) return 0;
  const auto pages = table(slot);
  const auto known = names(slot).first(end);
  const uint32_t far = count_far(known);
  fetches_left_ -= far;
  fetched_ += far;
  // What is near is held before what is far takes pages.
  for (; s.pages < end && pages_.is_near(known[s.pages]); ++s.pages) {
    pages[s.pages] = pages_.page_of(known[s.pages]);
    pages_.hold(pages[s.pages]);
  }
  pages_.fetch(known.subspan(s.pages), pages.subspan(s.pages, end - s.pages));
  s.pages = end;
  s.written = end * kPageTokens;
  if (layout_.recurrent) states_.start_at(static_cast<uint32_t>(slot), known.back());
  for (WindowMemory& window : windows_) window.adopt(static_cast<uint32_t>(slot), known);
  return (end - begin) * kPageTokens;
}

// How many pages of the tokens are known and of use. Their names are in the slot's table then.
uint32_t SequenceMemory::usable(int32_t slot, std::span<const TokenId> tokens, bool fetches) {
  const Slot& s = slots_[index(slot)];
  const auto names = this->names(slot);
  const uint32_t fetches_max = fetches ? fetches_left_ : 0;
  uint32_t known = s.pages, usable = s.pages, idle = 0, far = 0;
  while ((size_t{known} + 1) * kPageTokens < tokens.size()) {
    const NameId parent = known == 0 ? kNoName : names[known - 1];
    const NameId name = pages_.find(s.root, parent, page_tokens(tokens, known));
    if (name == kNoName) break;
    const bool near = pages_.is_near(name);
    idle += near && pages_.is_idle(name) ? 1u : 0u;
    far += near ? 0u : 1u;
    if (far > std::min(fetches_max, available() - idle)) break;
    names[known++] = name;
    if (can_go_on_after(names.first(known)) && count_far(names.first(known)) <= fetches_max) usable = known;
  }
  while (known > usable) names[--known] = kNoName;
  return usable;
}

bool SequenceMemory::can_go_on_after(std::span<const NameId> names) const {
  if (layout_.recurrent && !states_.has(names.back())) return false;
  return std::all_of(windows_.begin(), windows_.end(),
                     [&](const WindowMemory& window) { return window.covers(names); });
}

// Of these names and of what else a sequence needs to go on after them.
uint32_t SequenceMemory::count_far(std::span<const NameId> names) const {
  if (layout_.fetched_max == 0) return 0;
  uint32_t far = layout_.recurrent && states_.is_far(names.back()) ? 1 : 0;
  for (size_t i = names.size(); i-- > 0 && !pages_.is_near(names[i]);) ++far;
  for (const WindowMemory& window : windows_) far += window.count_far(names);
  return far;
}

void SequenceMemory::forget(NameId name) {
  states_.forget(name);
  for (WindowMemory& window : windows_) window.forget(name);
}

uint32_t SequenceMemory::grow(int32_t slot, uint32_t positions) {
  Slot& s = slots_[index(slot)];
  const uint32_t wanted = pages_for(positions);
  GANTRY_CHECK_LE(wanted, layout_.pages_max);
  const auto pages = table(slot);
  while (s.pages < wanted) {
    const PageId page = pages_.take();
    if (page == kNoPage) break;
    pages[s.pages++] = page;
  }
  const uint32_t room = std::min(positions, s.pages * kPageTokens);
  for (WindowMemory& window : windows_) window.grow(static_cast<uint32_t>(slot), s.written, room);
  return room;
}

// Of the slot's full pages before `positions`, to which window pages may be attached.
std::span<const NameId> SequenceMemory::names_before(int32_t slot, uint32_t positions) const {
  if (!layout_.prefix_cache) return {};
  return names(slot).first(std::min(pages_for(positions), written(slot) / kPageTokens));
}

bool SequenceMemory::can_roll_back(int32_t slot, uint32_t positions) const {
  if (positions == 0 || positions == written(slot)) return true;
  if (positions > written(slot) || !pending_.has_room(copies_of_one(layout_))) return false;
  if (layout_.recurrent) {
    if (positions % kPageTokens != 0) return false;
    const PageId border = table(slot)[positions / kPageTokens - 1];
    const NameId name = pages_.name_of(border);
    if (name == kNoName || states_.checkpoints().at(name) == kNoState) return false;
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
  if (positions % kPageTokens != 0 && !pages_.is_own(pages[last]) && available() == 0) {
    // Releasing may yield a page for the copy; what others hold as well does not.
    const bool yields = std::any_of(pages.begin() + last, pages.begin() + s.pages,
                                    [&](PageId page) { return pages_.pool().holders(page) == 1; });
    if (!yields) positions = border_to_roll_back_to(slot, positions);
  }
  // Windows first, while what is attached to the slot's pages cannot be evicted.
  const auto names = names_before(slot, positions);
  const auto number = static_cast<uint32_t>(slot);
  for (WindowMemory& window : windows_) window.rollback(number, positions, names);
  if (layout_.recurrent && positions == 0) states_.start(number);
  if (layout_.recurrent && positions > 0) states_.start_at(number, names.back());
  release_pages_from(slot, pages_for(positions));
  s.written = positions;
  if (positions % kPageTokens != 0 && !pages_.is_own(pages[last])) {
    const PageId shared = pages[last];
    if (layout_.prefix_cache) this->names(slot)[last] = kNoName;
    pages_.release(shared);
    pages[last] = pages_.take();
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
  fetches_left_ = layout_.fetched_max;
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
  std::span<const NameId> full;  // of the pages that have become full
  if (layout_.prefix_cache) {
    name_pages(slot, first, tokens.first(positions));
    full = names(slot).subspan(first, positions / kPageTokens - first);
  }
  for (WindowMemory& window : windows_) window.commit(static_cast<uint32_t>(slot), positions, first, full);
  if (!layout_.recurrent) return;
  const bool border = layout_.prefix_cache && positions > 0 && positions % kPageTokens == 0;
  states_.commit(static_cast<uint32_t>(slot), border ? names(slot)[positions / kPageTokens - 1] : kNoName);
}

// From page `first` on.
void SequenceMemory::name_pages(int32_t slot, uint32_t first, std::span<const TokenId> tokens) {
  const RootId root = slots_[index(slot)].root;
  const auto pages = table(slot);
  const auto names = this->names(slot);
  for (uint32_t i = first; i < tokens.size() / kPageTokens; ++i)
    names[i] = pages_.give_name(pages[i], root, i == 0 ? kNoName : names[i - 1], page_tokens(tokens, i));
}

uint64_t SequenceMemory::next_page_key(int32_t slot, std::span<const TokenId> tokens) const {
  const Slot& s = slots_[index(slot)];
  const uint32_t page = s.written / kPageTokens;
  if (!layout_.prefix_cache || (size_t{page} + 1) * kPageTokens > tokens.size()) return 0;
  if (layout_.recurrent && layout_.checkpoints == 0) return 0;
  return pages_.index().key(s.root, page == 0 ? kNoName : names(slot)[page - 1], page_tokens(tokens, page));
}

std::vector<SequenceMemory::Unused> SequenceMemory::list_unused() const {
  std::vector<Unused> unused;
  std::vector<uint32_t> found;
  const auto list = [&](Kept what, uint32_t pool, Tier tier) {
    for (const uint32_t i : found)
      if (!pending_.reads(what, pool, {tier, i})) unused.push_back({what, pool, {tier, i}});
    found.clear();
  };
  for (PageId page = 0; page < pages(); ++page)
    if (pages_.pool().is_free(page)) found.push_back(page);
  list(Kept::kPage, 0, Tier::kDevice);
  pages_.far().list_unused(found);
  list(Kept::kPage, 0, Tier::kHost);
  for (uint32_t i = 0; i < windows_.size(); ++i) {
    windows_[i].list_unused(found);
    list(Kept::kWindowPage, i, Tier::kDevice);
    windows_[i].far().list_unused(found);
    list(Kept::kWindowPage, i, Tier::kHost);
  }
  states_.list_unused(found);
  list(Kept::kState, 0, Tier::kDevice);
  states_.far().list_unused(found);
  list(Kept::kState, 0, Tier::kHost);
  return unused;
}

void SequenceMemory::check() const {
  pages_.check();
  states_.check();
  for (const WindowMemory& window : windows_) window.check();
  for (NameId name = 0; name < names_in(layout_); ++name)
    GANTRY_CHECK(!states_.has(name) || pages_.index().contains(name));
  check_slots();
}

void SequenceMemory::check_slots() const {
  std::vector<uint32_t> holders(pages()), sequences(pages_.index().roots().count());
  size_t open = 0;
  for (size_t n = 0; n < slots_.size(); ++n) {
    const Slot& s = slots_[n];
    const size_t row = n * layout_.pages_max;
    open += s.open ? 1 : 0;
    GANTRY_CHECK_EQ(s.root != kNoRoot, s.open && layout_.prefix_cache);
    if (s.root != kNoRoot) ++sequences[s.root];
    GANTRY_CHECK(s.open || (s.pages == 0 && s.written == 0));
    GANTRY_CHECK_LE(s.written, s.pages * kPageTokens);
    for (uint32_t i = 0; i < layout_.pages_max; ++i) {
      const PageId page = tables_[row + i];
      const bool full = (i + 1) * kPageTokens <= s.written;
      GANTRY_CHECK_EQ(page == kNoPage, i >= s.pages);
      if (layout_.prefix_cache) GANTRY_CHECK_EQ(names_[row + i] != kNoName, full);
      if (i >= s.pages) continue;
      ++holders[page];
      if (layout_.prefix_cache) GANTRY_CHECK_EQ(pages_.name_of(page), names_[row + i]);
      if (layout_.prefix_cache && full) GANTRY_CHECK_EQ(pages_.index().root_of(names_[row + i]), s.root);
      if (!full) GANTRY_CHECK_EQ(pages_.pool().holders(page), 1u);
    }
  }
  GANTRY_CHECK_EQ(open + closed_.size(), slots_.size());
  for (RootId root = 0; root < sequences.size(); ++root)
    GANTRY_CHECK_EQ(pages_.index().roots().sequences(root), sequences[root]);
  uint32_t held = 0;
  for (PageId page = 0; page < pages(); ++page) {
    GANTRY_CHECK_EQ(pages_.pool().holders(page), holders[page]);
    held += holders[page] > 0 ? 1u : 0u;
  }
  GANTRY_CHECK_EQ(free() + kept() + held, pages());
}

}  // namespace gantry::kv
