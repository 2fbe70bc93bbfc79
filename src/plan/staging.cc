#include "plan/staging.h"

#include "base/bytes.h"
#include "base/check.h"
#include "device/run.h"

namespace gantry::plan {

StepSizes largest_step(const Limits& limits) {
  return {.rows = limits.step_rows,
          .sequences = limits.sequences,
          .pages = limits.pages_max,
          .windows = static_cast<uint32_t>(limits.windows.size()),
          .given = limits.logit_rows,
          .rope_positions = true};
}

StagingLayout staging_layout(const StepSizes& sizes, uint64_t alignment) {
  const uint64_t rows = uint64_t{4} * sizes.rows;
  const uint64_t tables = uint64_t{4} * sizes.sequences * sizes.pages;
  StagingLayout layout{{{{Staged::kTokens, "tokens", 0, rows},
                         {Staged::kPositions, "positions", 0, rows},
                         {Staged::kRopePositions, "positions to turn by", 0, sizes.rope_positions ? rows : 0},
                         {Staged::kSequences, "sequences", 0, rows},
                         {Staged::kRuns, "rows by sequence", 0, sizeof(device::Run) * sizes.sequences},
                         {Staged::kStates, "states", 0, uint64_t{4} * sizes.sequences},
                         {Staged::kGivenRows, "rows that give something", 0, uint64_t{4} * sizes.given},
                         {Staged::kPageTables, "page tables", 0, tables},
                         {Staged::kWindowTables, "page tables of windows", 0, sizes.windows * tables}}},
                       0};
  for (size_t i = 0; i < kStagedParts; ++i) {
    StagedPart& part = layout.parts[i];
    GANTRY_CHECK_EQ(static_cast<size_t>(part.what), i);
    part.offset = layout.bytes;
    layout.bytes += align_up(part.bytes, alignment);
  }
  return layout;
}

}  // namespace gantry::plan
