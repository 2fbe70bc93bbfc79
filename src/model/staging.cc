#include "model/staging.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/check.h"
#include "base/copies.h"
#include "base/ids.h"
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

// One row of each sequence.
plan::StepSizes rounded(plan::StepSizes sizes, const RunnerLimits& limits) {
  GANTRY_CHECK_EQ(sizes.rows, sizes.sequences);
  const auto up = [](uint32_t count, uint32_t most) {
    return count == 0 ? 0 : std::min(std::bit_ceil(count), most);
  };
  sizes.rows = sizes.sequences = up(sizes.rows, std::min(limits.rows_max, limits.sequences_max));
  sizes.pages = up(sizes.pages, limits.pages_max);
  sizes.given = up(sizes.given, limits.logit_rows_max);
  return sizes;
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

Staging::Staging(const RunnerLimits& limits, const LoadedModel& model)
    : limits_(limits), device_(model.staging()), host_(device::host_bytes(model.host_staging())) {
  runs_.reserve(limits.sequences_max);
  slots_.reserve(limits.sequences_max);
  rows_.windows.resize(limits.windows.size());
}

const StepRows& Staging::send(device::Stream& stream, const Batch& batch, Sizing sizing) {
  device::list_runs(batch.positions, batch.sequences, runs_);
  GANTRY_CHECK_LE(runs_.size(), size_t{limits_.sequences_max});
  slots_.clear();
  for (device::Run& run : runs_) {
    slots_.push_back(static_cast<uint32_t>(run.sequence));
    run.sequence = static_cast<int32_t>(slots_.size() - 1);
  }
  lay_out(sizing == Sizing::kExact ? sizes_of(batch) : rounded(sizes_of(batch), limits_));
  runs_.resize(sizes_.sequences);
  put_rows(batch);
  put_sequences(batch);
  put_given(batch);
  if (changed_from_ < changed_to_) {
    const uint64_t bytes = changed_to_ - changed_from_;
    stream.write(device_.part(changed_from_, bytes), host_.subspan(changed_from_, bytes));
  }
  return view(batch, sizing);
}

plan::StepSizes Staging::sizes_of(const Batch& batch) const {
  return {
      .rows = static_cast<uint32_t>(batch.tokens.size()),
      .sequences = static_cast<uint32_t>(runs_.size()),
      .pages = (device::longest_reach(runs_) + kPageTokens - 1) / kPageTokens,
      .windows = static_cast<uint32_t>(limits_.windows.size()),
      .given = static_cast<uint32_t>(batch.picks.size() + batch.logit_rows.size() + batch.hidden_rows.size()),
      .rope_positions = !batch.rope_positions.empty()};
}

void Staging::lay_out(const plan::StepSizes& sizes) {
  fresh_ = !(sizes == sizes_);
  if (fresh_) {
    sizes_ = sizes;
    layout_ = plan::staging_layout(sizes, device_.arena->alignment());
  }
  changed_from_ = layout_.bytes;
  changed_to_ = 0;
}

template <typename T>
void Staging::put(Staged what, size_t index, std::span<const T> values) {
  const plan::StagedPart& part = layout_.part(what);
  const uint64_t from = part.offset + index * sizeof(T), bytes = values.size_bytes();
  GANTRY_CHECK_LE(index * sizeof(T) + bytes, part.bytes);
  if (bytes == 0 || (!fresh_ && std::memcmp(&host_[from], values.data(), bytes) == 0)) return;
  std::memcpy(&host_[from], values.data(), bytes);
  changed_from_ = std::min(changed_from_, from);
  changed_to_ = std::max(changed_to_, from + bytes);
}

void Staging::put_rows(const Batch& batch) {
  for (size_t row = 0; row < batch.tokens.size(); ++row)
    put(Staged::kTokens, row, std::max(batch.tokens[row], TokenId{0}));  // of none: it is written over
  put(Staged::kPositions, 0, batch.positions);
  put(Staged::kRopePositions, 0, batch.rope_positions);
  for (size_t row = batch.tokens.size(); row < sizes_.rows; ++row) {
    put(Staged::kTokens, row, TokenId{0});
    put(Staged::kPositions, row, int32_t{0});
    if (sizes_.rope_positions) put(Staged::kRopePositions, row, int32_t{0});
    put(Staged::kSequences, row, int32_t{-1});
  }
  for (const device::Run& run : runs_)
    for (int32_t row = run.first; row < run.first + run.count; ++row)
      put(Staged::kSequences, static_cast<size_t>(row), run.sequence);
}

void Staging::put_sequences(const Batch& batch) {
  put(Staged::kRuns, 0, std::span<const device::Run>(runs_));
  const size_t all = batch.page_tables.size();
  for (size_t i = slots_.size(); i < sizes_.sequences; ++i) put(Staged::kStates, i, StateId{0});
  for (size_t i = 0; i < slots_.size(); ++i) {
    put(Staged::kStates, i, StateId{slots_[i]});  // a sequence changes the state of its number
    const size_t table = size_t{slots_[i]} * limits_.pages_max;
    put(Staged::kPageTables, i * sizes_.pages, batch.page_tables.subspan(table, sizes_.pages));
    for (size_t w = 0; w < sizes_.windows; ++w)
      put(Staged::kWindowTables, (w * sizes_.sequences + i) * sizes_.pages,
          batch.window_tables.subspan(w * all + table, sizes_.pages));
  }
}

void Staging::put_given(const Batch& batch) {
  size_t index = 0;
  for (const PickRow& pick : batch.picks) put(Staged::kGivenRows, index++, pick.row);
  put(Staged::kGivenRows, index, batch.logit_rows);
  index += batch.logit_rows.size();
  put(Staged::kGivenRows, index, batch.hidden_rows);
  for (size_t i = index + batch.hidden_rows.size(); i < sizes_.given; ++i)
    put(Staged::kGivenRows, i, int32_t{0});
}

device::Buffer Staging::part(Staged what) const {
  const plan::StagedPart& part = layout_.part(what);
  return device_.part(part.offset, part.bytes);
}

const StepRows& Staging::view(const Batch& batch, Sizing sizing) {
  rows_.all = {.positions = part(Staged::kPositions),
               .sequences = part(Staged::kSequences),
               .page_tables = part(Staged::kPageTables),
               .states = part(Staged::kStates),
               .runs = part(Staged::kRuns),
               .run_list = runs_,
               .count = sizes_.rows,
               .sequence_count = sizes_.sequences,
               .pages_max = sizes_.pages,
               .longest = sizing == Sizing::kExact
                              ? device::longest_reach(runs_)
                              : std::min(sizes_.pages * kPageTokens, limits_.context_max)};
  const device::Buffer tables = part(Staged::kWindowTables);
  for (size_t w = 0; w < rows_.windows.size(); ++w) {
    rows_.windows[w] = rows_.all;
    rows_.windows[w].page_tables = tables.part(w * rows_.all.page_tables.bytes, rows_.all.page_tables.bytes);
  }
  rows_.tokens = part(Staged::kTokens);
  rows_.turns = part(sizes_.rope_positions ? Staged::kRopePositions : Staged::kPositions);
  rows_.given = part(Staged::kGivenRows);
  rows_.hidden = static_cast<uint32_t>(batch.hidden_rows.size());
  rows_.with_logits = sizes_.given - rows_.hidden;
  rows_.causal = batch.causal;
  return rows_;
}

}  // namespace gantry::model
