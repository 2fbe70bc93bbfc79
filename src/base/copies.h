// What sequences remember, by kind and number, and the copies of it that a step makes before and after its
// rows. Bookkeeping (kv/) decides them, the model executes them.
#pragma once

#include <cstdint>
#include <vector>

namespace gantry {

using StateId = uint32_t;  // index into the pool of recurrent states of one live model
inline constexpr StateId kNoState = 0xffffffffu;

// What is copied, always whole. A page is kPageTokens positions of every layer of its pool.
enum class Kept : uint8_t {
  kPage,        // of the main pool
  kWindowPage,  // of the pool of layers with windows of one length
  kState,       // of all recurrent layers of one sequence
};

// Where it lies. Each tier numbers its pages and states by itself, from 0.
enum class Tier : uint8_t { kDevice, kHost, kDisk };

struct Place {
  Tier tier = Tier::kDevice;
  uint32_t index = 0;
  bool operator==(const Place&) const = default;
};

constexpr Place on_device(uint32_t index) { return {Tier::kDevice, index}; }
constexpr Place on_host(uint32_t index) { return {Tier::kHost, index}; }

// How much of each kind a tier beyond the device has room for.
struct TierSizes {
  uint32_t pages = 0, states = 0;
  std::vector<uint32_t> window_pages = {};  // one for each length of window; empty: none
  bool operator==(const TierSizes&) const = default;
};

// One page or state written over another of its kind.
struct Copy {
  Kept what = Kept::kPage;
  uint32_t pool = 0;  // of kWindowPage: the index of its window; else 0
  Place from, to;
  bool operator==(const Copy&) const = default;
};

// From one state of the device to another.
constexpr Copy state_copy(StateId from, StateId to) {
  return {Kept::kState, 0, on_device(from), on_device(to)};
}

}  // namespace gantry
