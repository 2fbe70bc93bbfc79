// What the engine writes down of its pages in main memory, in bytes: the plan counts it (contract M1), kv/
// keeps within it.
#pragma once

#include <cstdint>

namespace gantry {

struct PageRecords {
  uint64_t pages = 0;         // of the main pool
  uint64_t sequences = 0;     // at a time
  uint64_t tables = 0;        // sequences * pages of one: entries of the page tables
  uint64_t windows = 0;       // lengths of windows
  uint64_t window_pages = 0;  // in the pools of all of them
  uint64_t checkpoints = 0;   // of recurrent states
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

// At most; a page's own tokens are most of it.
constexpr uint64_t bytes_of(const PageRecords& r) {
  constexpr uint64_t kPage = 192, kTableEntry = 4, kWindowPage = 24, kCheckpoint = 24, kRoot = 184,
                     kCopy = 24;
  const uint64_t roots = prefix_roots(static_cast<uint32_t>(r.pages), static_cast<uint32_t>(r.sequences));
  return r.pages * (kPage + kTableEntry * r.windows) + r.tables * kTableEntry * (1 + r.windows) +
         r.window_pages * kWindowPage + r.checkpoints * kCheckpoint + roots * kRoot +
         2 * pending_copies_max(r.sequences, r.windows) * kCopy;
}

}  // namespace gantry
