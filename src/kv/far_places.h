// Places of one kind on a tier beyond the device: what a name had there and the device has no room for any
// more. Numbers only. A place is free or belongs to a name; when none is free, that of the name which was
// used longest ago is given up, unless it is pinned. Everything is allocated at construction. One thread.
#pragma once

#include <cstdint>
#include <vector>

#include "kv/name.h"
#include "kv/recency.h"

namespace gantry::kv {

class FarPlaces {
 public:
  FarPlaces(uint32_t names, uint32_t places);

  uint32_t places() const { return static_cast<uint32_t>(names_.size()); }
  uint32_t used() const { return places() - static_cast<uint32_t>(free_.size()); }
  bool full() const { return free_.empty(); }
  // The name's place, or kNoPlace.
  uint32_t at(NameId name) const { return of_name_.empty() ? kNoPlace : of_name_[name]; }
  // Whose place is given up next, and who follows; kNoName for none. Pinned ones are left out.
  NameId oldest() const { return name_at(queue_.oldest()); }
  NameId next(NameId name) const { return name_at(queue_.next(of_name_[name])); }

  // A free place for a name without one: there must be one.
  uint32_t take(NameId name);
  // Its place is free again, if it has one.
  void give(NameId name);
  // One is free now, the oldest's if need be; false where there are none, or all are pinned.
  bool make_room();
  // Not given up until it is unpinned, which makes it the most recently used.
  void pin(NameId name) { queue_.remove(of_name_[name]); }
  void unpin(NameId name) { queue_.push(of_name_[name]); }
  void touch(NameId name) {
    pin(name);
    unpin(name);
  }

  void list_unused(std::vector<uint32_t>& out) const;
  // For tests; nothing is pinned.
  void check() const;

 private:
  NameId name_at(uint32_t place) const { return place == kNoPlace ? kNoName : names_[place]; }

  std::vector<NameId> names_;      // [places], kNoName: free
  std::vector<uint32_t> of_name_;  // [names], empty where there are no places
  std::vector<uint32_t> free_;     // a stack
  Recency queue_;                  // of places
};

}  // namespace gantry::kv
