// What the engine writes down of its pages in main memory, in bytes: the plan counts it (contract M1), kv/
// keeps within it.
#pragma once

#include <cstdint>

#include "base/ids.h"

namespace gantry {

struct PageRecords {
  uint64_t pages = 0;         // of the main pool
  uint64_t sequences = 0;     // at a time
  uint64_t tables = 0;        // sequences * pages of one: entries of the page tables
  uint64_t windows = 0;       // lengths of windows
  uint64_t window_pages = 0;  // in the pools of all of them
  uint64_t checkpoints = 0;   // of recurrent states
  // On the tier beyond the device, if there is one, and how much of it a step brings back at most.
  uint64_t far_pages = 0, far_window_pages = 0, far_states = 0, fetched = 0;
};

// Roots of the prefix index: with pages in the cache, and of open sequences.
inline constexpr uint32_t kCachedRootsMax = 256;
constexpr uint32_t prefix_roots(uint32_t pages, uint32_t sequences) {
  return (pages < kCachedRootsMax ? pages : kCachedRootsMax) + sequences;
}

// Copies that may wait for the next step: two forks or rollbacks of each sequence.
constexpr uint64_t pending_copies_max(uint64_t sequences, uint64_t windows) {
  return 2 * sequences * (2 + windows);
}

// What a step brings back at most from beyond the device, in pages and states: copying a position costs a
// small part of computing it, and those who answer wait for the copies (contract L3).
constexpr uint32_t fetched_in_step(uint32_t step_rows) {
  constexpr uint32_t kCopiedForOneComputed = 8, kLeast = 16;
  const uint32_t pages = step_rows * kCopiedForOneComputed / kPageTokens;
  return pages < kLeast ? kLeast : pages;
}

// Between two steps: what comes back, and what makes room. That was on the device when the last step began,
// or has come back since.
constexpr uint64_t pending_moves_max(uint64_t pages, uint64_t window_pages, uint64_t fetched) {
  return fetched == 0 ? 0 : pages + window_pages + 2 * fetched;
}

// At most; a page's own tokens are most of it.
constexpr uint64_t bytes_of(const PageRecords& r) {
  constexpr uint64_t kName = 188, kMapEntry = 4, kPage = 12, kTableEntry = 4, kWindowPage = 24,
                     kCheckpoint = 24, kPlace = 20, kRoot = 184, kCopy = 24;
  const uint64_t roots = prefix_roots(static_cast<uint32_t>(r.pages), static_cast<uint32_t>(r.sequences));
  // From names to what is attached to them, on the device and beyond it.
  uint64_t maps = r.windows + (r.checkpoints != 0 ? 1 : 0);
  if (r.fetched != 0) maps += r.windows + 1 + (r.far_states != 0 ? 1 : 0);
  return (r.pages + r.far_pages) * (kName + kMapEntry * maps) + r.pages * kPage +
         r.tables * kTableEntry * (2 + r.windows) + r.window_pages * kWindowPage +
         r.checkpoints * kCheckpoint + (r.far_pages + r.far_window_pages + r.far_states) * kPlace +
         roots * kRoot + 2 * kCopy * pending_copies_max(r.sequences, r.windows) +
         2 * kCopy * pending_moves_max(r.pages, r.window_pages, r.fetched);
}

}  // namespace gantry
