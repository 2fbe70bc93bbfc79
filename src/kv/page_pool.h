// The pages of one pool, and how many sequences hold each. Counts only: the bytes lie with the model. Of
// fixed size, everything allocated at construction, every call O(1). One thread.
//
// A page is free, held (by one sequence or more), or cached: held by none but not free, because its content
// may be wanted again (see prefix_index.h).
#pragma once

#include <cstdint>
#include <vector>

#include "base/ids.h"

namespace gantry::kv {

class PagePool {
 public:
  explicit PagePool(uint32_t pages);

  // A free page with one holder; kNoPage when none is free.
  PageId take();
  // One holder more, of a held or cached page.
  void hold(PageId page);
  // One holder fewer. True when it was the last: the page is cached then, until hold() or give().
  bool release(PageId page);
  // A cached page becomes free.
  void give(PageId page);

  uint32_t pages() const { return static_cast<uint32_t>(holders_.size()); }
  uint32_t free() const { return free_count_; }
  bool is_free(PageId page) const { return holders_[page] == kFree; }
  uint32_t holders(PageId page) const { return is_free(page) ? 0 : holders_[page]; }

  // A page is on the free list if, and only if, it is marked free. O(pages), for tests.
  void check() const;

 private:
  static constexpr uint32_t kFree = 0xffffffffu;

  std::vector<uint32_t> holders_;   // [pages]
  std::vector<PageId> free_pages_;  // [pages]: a stack, the first free_count_ are free
  uint32_t free_count_ = 0;
};

}  // namespace gantry::kv
