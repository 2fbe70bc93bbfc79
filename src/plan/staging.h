// What the device is told with each step: one block of memory, laid out by one list. The planner counts it
// for the largest step, the runner lays out each step's and writes it at once. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "plan/memory_plan.h"

namespace gantry::plan {

enum class Staged : uint8_t {
  kTokens,         // int32 [rows]
  kPositions,      // int32 [rows]
  kRopePositions,  // int32 [rows] where they differ from those; else empty
  kSequences,      // int32 [rows]: which of the step's sequences, negative for padding
  kRuns,           // device::Run [sequences]
  kStates,         // uint32 [sequences]
  kGivenRows,      // int32 [given]: rows whose logits or hidden states are wanted
  kPageTables,     // uint32 [sequences, pages]
  kWindowTables,   // uint32 [windows, sequences, pages]
};
inline constexpr size_t kStagedParts = 9;

// What decides how a step's block is laid out.
struct StepSizes {
  uint32_t rows = 0;       // padding included
  uint32_t sequences = 0;  // that have rows, or places for such
  uint32_t pages = 0;      // of each one's page table
  uint32_t windows = 0;    // page tables beside that
  uint32_t given = 0;
  bool rope_positions = false;
  bool operator==(const StepSizes&) const = default;
};
StepSizes largest_step(const Limits& limits);

struct StagedPart {
  Staged what = Staged::kTokens;
  const char* name = "";
  uint64_t offset = 0, bytes = 0;
};
struct StagingLayout {
  std::array<StagedPart, kStagedParts> parts;  // by Staged; what changes least with each step stands last
  uint64_t bytes = 0;
  const StagedPart& part(Staged what) const { return parts[static_cast<size_t>(what)]; }
};
// Offsets are multiples of `alignment`. A layout grows with each of the sizes.
StagingLayout staging_layout(const StepSizes& sizes, uint64_t alignment);

}  // namespace gantry::plan
