#include "model/staging.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "model/copies.h"

namespace gantry::model {

using plan::Staged;

namespace {

// Of one list: inside the batch and rising.
void check_rows(std::span<const int32_t> list, size_t rows) {
  for (size_t i = 0; i < list.size(); ++i) {
    GANTRY_CHECK(list[i] >= 0 && static_cast<size_t>(list[i]) < rows);
    GANTRY_CHECK(i == 0 || list[i] > list[i - 1]);
  }
}

void check_extras(const Batch& batch, const RunnerLimits& limits) {
  const size_t rows = batch.tokens.size();
  const auto without = static_cast<size_t>(std::ranges::count(batch.tokens, kNoToken));
  GANTRY_CHECK_EQ(batch.inputs.size(), without * limits.width);
  GANTRY_CHECK(batch.rope_positions.empty() || batch.rope_positions.size() == rows);
  GANTRY_CHECK(batch.adapters.empty() || batch.adapters.size() == rows);
  for (const uint32_t adapter : batch.adapters) GANTRY_CHECK_LE(adapter, limits.adapters);
  GANTRY_CHECK_LE(batch.picks.size() + batch.logit_rows.size() + batch.hidden_rows.size(),
                  size_t{limits.logit_rows_max});
  int32_t last_picked = 0;
  for (const PickRow& pick : batch.picks) {
    GANTRY_CHECK(pick.row >= 0 && static_cast<size_t>(pick.row) < rows);
    GANTRY_CHECK(pick.params != nullptr && !pick.tokens.empty());
    GANTRY_CHECK_LE(last_picked, pick.row);
    last_picked = pick.row;
  }
  check_rows(batch.logit_rows, rows);
  check_rows(batch.hidden_rows, rows);
}

}  // namespace

void check_batch(const Batch& batch, const RunnerLimits& limits) {
  GANTRY_CHECK(!batch.tokens.empty());
  GANTRY_CHECK_LE(batch.tokens.size(), size_t{limits.rows_max});
  GANTRY_CHECK_EQ(batch.positions.size(), batch.tokens.size());
  GANTRY_CHECK_EQ(batch.sequences.size(), batch.tokens.size());
  check_extras(batch, limits);
  GANTRY_CHECK_LE(batch.page_tables.size(), size_t{limits.sequences_max} * limits.pages_max);
  GANTRY_CHECK_EQ(batch.window_tables.size(), limits.windows.size() * batch.page_tables.size());
  check_copies(limits, batch.copies_before);
  check_copies(limits, batch.copies_after);
  for (size_t row = 0; row < batch.tokens.size(); ++row) {
    GANTRY_CHECK(batch.tokens[row] >= kNoToken && batch.tokens[row] < static_cast<TokenId>(limits.vocab));
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
  tokens_.reserve(limits.rows_max);
  given_rows_.reserve(limits.logit_rows_max);
}

template <typename T>
device::Buffer Staging::write(Hands& hands, Staged what, std::span<const T> values) {
  const auto bytes = std::as_bytes(values);
  const device::Buffer to = hands.model().staged(what).part(0, bytes.size());
  hands.stream().write(to, bytes);
  return to;
}

const StepRows& Staging::send(Hands& hands, const Batch& batch) {
  std::span<const TokenId> tokens = batch.tokens;
  if (!batch.inputs.empty()) {
    tokens_.assign(tokens.begin(), tokens.end());
    std::ranges::replace(tokens_, kNoToken, TokenId{0});  // its row is written over
    tokens = tokens_;
  }
  write(hands, Staged::kTokens, tokens);
  given_rows_.clear();
  for (const PickRow& pick : batch.picks) given_rows_.push_back(pick.row);
  given_rows_.insert(given_rows_.end(), batch.logit_rows.begin(), batch.logit_rows.end());
  given_rows_.insert(given_rows_.end(), batch.hidden_rows.begin(), batch.hidden_rows.end());
  write(hands, Staged::kLogitRows, std::span<const int32_t>(given_rows_));
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
  rows_.causal = batch.causal;
  rows_.turns = batch.rope_positions.empty() ? rows.positions
                                             : write(hands, Staged::kRopePositions, batch.rope_positions);
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
