#include "model/staging.h"

#include <numeric>

#include "base/check.h"
#include "model/copies.h"

namespace gantry::model {

using plan::Staged;

void check_batch(const Batch& batch, size_t logit_values, const RunnerLimits& limits) {
  GANTRY_CHECK(!batch.tokens.empty());
  GANTRY_CHECK_LE(batch.tokens.size(), size_t{limits.rows_max});
  GANTRY_CHECK_EQ(batch.positions.size(), batch.tokens.size());
  GANTRY_CHECK_EQ(batch.sequences.size(), batch.tokens.size());
  GANTRY_CHECK_LE(batch.logit_rows.size(), size_t{limits.logit_rows_max});
  GANTRY_CHECK_LE(batch.page_tables.size(), size_t{limits.sequences_max} * limits.pages_max);
  GANTRY_CHECK_LE(batch.logit_rows.size() * limits.vocab, logit_values);
  GANTRY_CHECK_EQ(batch.window_tables.size(), limits.windows.size() * batch.page_tables.size());
  check_copies(limits, batch.copies_before);
  check_copies(limits, batch.copies_after);
  for (size_t row = 0; row < batch.tokens.size(); ++row) {
    GANTRY_CHECK(batch.tokens[row] >= 0 && static_cast<uint32_t>(batch.tokens[row]) < limits.vocab);
    GANTRY_CHECK(batch.positions[row] >= 0 &&
                 static_cast<uint32_t>(batch.positions[row]) < limits.context_max);
    const size_t entry = static_cast<size_t>(batch.sequences[row]) * limits.pages_max +
                         static_cast<size_t>(batch.positions[row]) / kPageTokens;
    GANTRY_CHECK_LT(entry, batch.page_tables.size());
    GANTRY_CHECK_LT(batch.page_tables[entry], limits.pages);
    for (size_t i = 0; i < limits.windows.size(); ++i)
      GANTRY_CHECK_LT(batch.window_tables[i * batch.page_tables.size() + entry], limits.windows[i].pages);
  }
}

Staging::Staging(const RunnerLimits& limits) : limits_(limits), states_(limits.sequences_max) {
  std::iota(states_.begin(), states_.end(), StateId{0});
  runs_.reserve(limits.sequences_max);
  rows_.windows.resize(limits.windows.size());
}

template <typename T>
device::Buffer Staging::write(Hands& hands, Staged what, std::span<const T> values) {
  const auto bytes = std::as_bytes(values);
  const device::Buffer to = hands.model().staged(what).part(0, bytes.size());
  hands.stream().write(to, bytes);
  return to;
}

const StepRows& Staging::send(Hands& hands, const Batch& batch) {
  write(hands, Staged::kTokens, batch.tokens);
  write(hands, Staged::kLogitRows, batch.logit_rows);
  device::list_runs(batch.positions, batch.sequences, runs_);
  GANTRY_CHECK_LE(runs_.size(), size_t{limits_.sequences_max});
  device::Rows& rows = rows_.all;
  rows.positions = write(hands, Staged::kPositions, batch.positions);
  rows.sequences = write(hands, Staged::kSequences, batch.sequences);
  rows.page_tables = write(hands, Staged::kPageTables, batch.page_tables);
  rows.count = static_cast<uint32_t>(batch.tokens.size());
  rows.sequence_count = static_cast<uint32_t>(batch.page_tables.size() / limits_.pages_max);
  rows.states = write(hands, Staged::kStates, std::span<const StateId>(states_).first(rows.sequence_count));
  rows.runs = write(hands, Staged::kRuns, std::span<const device::Run>(runs_));
  rows.run_list = runs_;
  rows.pages_max = limits_.pages_max;
  rows.longest = device::longest_reach(runs_);
  const device::Buffer tables = write(hands, Staged::kWindowTables, batch.window_tables);
  for (size_t i = 0; i < rows_.windows.size(); ++i) {
    const uint64_t bytes = batch.page_tables.size_bytes();
    rows_.windows[i] = rows;
    rows_.windows[i].page_tables = tables.part(i * bytes, bytes);
  }
  if (limits_.recurrent) {
    for (const device::Run& run : runs_) {
      if (batch.positions[static_cast<size_t>(run.first)] == 0)
        hands.stream().fill(hands.model().state(states_[static_cast<size_t>(run.sequence)]), std::byte{0});
    }
  }
  return rows_;
}

}  // namespace gantry::model
