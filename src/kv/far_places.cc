#include "kv/far_places.h"

#include "base/check.h"

namespace gantry::kv {

FarPlaces::FarPlaces(uint32_t names, uint32_t places)
    : names_(places, kNoName), of_name_(places == 0 ? 0 : names, kNoPlace), queue_(places) {
  free_.reserve(places);
  for (uint32_t i = places; i-- > 0;) free_.push_back(i);
}

uint32_t FarPlaces::take(NameId name) {
  GANTRY_CHECK(!full());
  GANTRY_CHECK_EQ(of_name_[name], kNoPlace);
  const uint32_t place = free_.back();
  free_.pop_back();
  names_[place] = name;
  of_name_[name] = place;
  queue_.push(place);
  return place;
}

void FarPlaces::give(NameId name) {
  const uint32_t place = at(name);
  if (place == kNoPlace) return;
  if (queue_.contains(place)) queue_.remove(place);
  names_[place] = kNoName;
  of_name_[name] = kNoPlace;
  free_.push_back(place);
}

bool FarPlaces::make_room() {
  if (full() && oldest() != kNoName) give(oldest());
  return !full();
}

void FarPlaces::list_unused(std::vector<uint32_t>& out) const {
  out.insert(out.end(), free_.begin(), free_.end());
}

void FarPlaces::check() const {
  queue_.check();
  GANTRY_CHECK_EQ(queue_.size(), used());
  uint32_t named = 0;
  for (uint32_t place = 0; place < places(); ++place) {
    GANTRY_CHECK_EQ(names_[place] != kNoName, queue_.contains(place));
    if (names_[place] != kNoName) GANTRY_CHECK_EQ(of_name_[names_[place]], place);
  }
  for (const uint32_t place : of_name_) named += place != kNoPlace ? 1u : 0u;
  GANTRY_CHECK_EQ(named, used());
}

}  // namespace gantry::kv
