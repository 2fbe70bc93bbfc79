// What the engine writes down of its pages in main memory, in bytes: the plan counts it (contract M1), kv/
// keeps within it.
#pragma once

#include <cstdint>

namespace gantry {

struct PageRecords {
  uint64_t pages = 0;         // of the pool whose pages name prefixes
  uint64_t tables = 0;        // sequences * pages of one: entries of the page tables
  uint64_t windows = 0;       // lengths of windows
  uint64_t window_pages = 0;  // in the pools of all of them
  uint64_t checkpoints = 0;   // of recurrent states
};

// At most; a page's own tokens are most of it.
constexpr uint64_t bytes_of(const PageRecords& r) {
  constexpr uint64_t kPage = 192, kTableEntry = 4, kWindowPage = 24, kCheckpoint = 24;
  return r.pages * (kPage + kTableEntry * r.windows) + r.tables * kTableEntry * (1 + r.windows) +
         r.window_pages * kWindowPage + r.checkpoints * kCheckpoint;
}

}  // namespace gantry
