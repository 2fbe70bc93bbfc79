// The rows of a step: which sequence each belongs to, where it stands, and where that sequence's memory is.
// Every operation that reaches beyond its own row takes them. What shapes the work (counts, the longest
// length) is known on the host, so that no operation reads the device before it is launched.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "device/buffer.h"
#include "device/run.h"

namespace gantry::device {

// Row r stands at positions[r] of sequence sequences[r], whose pages are page_tables[sequence * pages_max +
// position / kPageTokens] and whose recurrent state is number states[sequence]. A row of a negative sequence
// is padding: operations over sequence memory leave it out, its results stay what they were. A sequence has
// one run at most, and no two sequences with rows have the same state.
struct Rows {
  Buffer positions;    // int32 [count]
  Buffer sequences;    // int32 [count]
  Buffer page_tables;  // uint32 [sequence_count, pages_max]
  Buffer states;       // uint32 [sequence_count]
  Buffer runs;         // Run [run_list.size()], every row but padding in one of them
  // The host's copy of `runs`, read during a call only.
  std::span<const Run> run_list;
  uint32_t count = 0;  // rows, padding included
  uint32_t sequence_count = 0;
  uint32_t pages_max = 0;
  uint32_t longest = 0;  // no run reaches farther
};

// The runs of rows that stand together by sequence, in order. Allocates only beyond what `runs` has reserved.
void list_runs(std::span<const int32_t> positions, std::span<const int32_t> sequences,
               std::vector<Run>& runs);
// The greatest reach; 0 where there is none.
uint32_t longest_reach(std::span<const Run> runs);

}  // namespace gantry::device
