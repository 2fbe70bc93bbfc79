// The pages of the main pool and the names of what is in them. A full page has a name (prefix_index.h), which
// it keeps when nobody holds it any more, and also when the device needs its room and a tier beyond still has
// a place: what is named lies either on the device (near) or there (far), never in both. A page that is
// wanted again is brought back. What must be copied for that travels with the next step (pending_copies.h).
//
// Must hold: the parent of what is near is near, so a known prefix is a near beginning and a far rest; in
// both queues of what may be given up children stand before their parents. Everything is allocated at
// construction. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/ids.h"
#include "kv/far_places.h"
#include "kv/name.h"
#include "kv/page_pool.h"
#include "kv/pending_copies.h"
#include "kv/prefix_index.h"

namespace gantry::kv {

class NamedPages {
 public:
  struct Layout {
    uint32_t pages = 0, far = 0, roots = 0;
    uint64_t hash_mask = ~uint64_t{0};
  };
  // `pending` outlives it. forget: told of each name that is given up, with all that is attached to it.
  NamedPages(const Layout& layout, PendingCopies& pending, std::function<void(NameId)> forget);

  const PagePool& pool() const { return pool_; }
  const PrefixIndex& index() const { return index_; }
  const FarPlaces& far() const { return far_; }
  // Pages that take() can still hand out.
  uint32_t available() const { return pool_.free() + index_.idle(); }

  // The root of a new sequence. When all are taken, the one that no sequence has opened for longest goes with
  // its pages.
  RootId open_root(const RootKey& key);
  void open_root(RootId root) { index_.roots().open(root); }
  void close_root(RootId root) { index_.roots().close(root); }

  // A page with one holder and no name. When none is free, the near page that nobody has used for longest
  // gives up its own. kNoPage when all are held.
  PageId take();
  void hold(PageId page);
  void release(PageId page);
  NameId name_of(PageId page) const { return names_[page]; }
  bool is_own(PageId page) const { return pool_.holders(page) == 1 && names_[page] == kNoName; }

  NameId find(RootId root, NameId parent, PageTokens tokens) const {
    return index_.find(root, parent, tokens);
  }
  bool is_near(NameId name) const { return pages_[name] != kNoPage; }
  bool is_idle(NameId name) const { return index_.is_idle(name); }
  PageId page_of(NameId name) const { return pages_[name]; }
  // Brings back what is far, in order: their parents are near and held. There is a page for each. out: where
  // they will lie, each with one holder.
  void fetch(std::span<const NameId> names, std::span<PageId> out);
  // The full page gets its name, or is exchanged for the equal near one that has it: `page`, held once by the
  // caller, is then that one.
  NameId give_name(PageId& page, RootId root, NameId parent, PageTokens tokens);

  // O(pages), for tests.
  void check() const;

 private:
  void attach(PageId page, NameId name);
  PageId detach(NameId name);
  void make_free(NameId idle);
  bool make_room_far();
  void drop(NameId name);

  PendingCopies& pending_;
  const std::function<void(NameId)> forget_;
  PagePool pool_;
  PrefixIndex index_;
  FarPlaces far_;
  std::vector<PageId> pages_;  // [names]: where it is near
  std::vector<NameId> names_;  // [pages]
  std::vector<NameId> free_;   // names, a stack
};

}  // namespace gantry::kv
