#include "kv/page_pool.h"

#include "base/check.h"

namespace gantry::kv {

PagePool::PagePool(uint32_t pages) : holders_(pages, kFree), free_pages_(pages), free_count_(pages) {
  for (uint32_t i = 0; i < pages; ++i) free_pages_[i] = pages - 1 - i;
}

PageId PagePool::take() {
  if (free_count_ == 0) return kNoPage;
  const PageId page = free_pages_[--free_count_];
  holders_[page] = 1;
  return page;
}

void PagePool::hold(PageId page) {
  GANTRY_CHECK_LT(page, pages());
  GANTRY_CHECK(!is_free(page));
  ++holders_[page];
}

bool PagePool::release(PageId page) {
  GANTRY_CHECK_LT(page, pages());
  GANTRY_CHECK(!is_free(page));
  GANTRY_CHECK_LT(0u, holders_[page]);
  return --holders_[page] == 0;
}

void PagePool::give(PageId page) {
  GANTRY_CHECK_LT(page, pages());
  GANTRY_CHECK_EQ(holders_[page], 0u);
  holders_[page] = kFree;
  free_pages_[free_count_++] = page;
}

void PagePool::check() const {
  uint32_t marked = 0;
  for (const uint32_t holders : holders_) marked += holders == kFree ? 1 : 0;
  GANTRY_CHECK_EQ(marked, free_count_);
  std::vector<bool> listed(holders_.size());
  for (uint32_t i = 0; i < free_count_; ++i) {
    GANTRY_CHECK(is_free(free_pages_[i]));
    GANTRY_CHECK(!listed[free_pages_[i]]);
    listed[free_pages_[i]] = true;
  }
}

}  // namespace gantry::kv
