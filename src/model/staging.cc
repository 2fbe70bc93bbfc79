#include "model/staging.h"

#include <span>

#include "base/check.h"

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
  const uint64_t states = uint64_t{limits.sequences_max} + limits.checkpoints;
  for (const auto copies : {batch.restores, batch.saves}) {
    for (const auto& [from, to] : copies) GANTRY_CHECK(limits.recurrent && to < states && from < states);
  }
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

Staging::Staging(const RunnerLimits& limits, uint32_t sequences) : limits_(limits), runs_(sequences) {
  rows_.windows.resize(limits.windows.size());
}

const StepRows& Staging::send(Hands& hands, const Batch& batch) {
  const LoadedModel& model = hands.model();
  const auto send = [&](Staged what, const auto& values) {
    const auto bytes = std::as_bytes(values);
    hands.stream().write(model.staged(what).part(0, bytes.size()), bytes);
  };
  send(Staged::kTokens, batch.tokens);
  send(Staged::kPositions, batch.positions);
  send(Staged::kSequences, batch.sequences);
  send(Staged::kPageTables, batch.page_tables);
  send(Staged::kLogitRows, batch.logit_rows);
  if (limits_.recurrent) rows_.runs = runs_.send(hands, batch);
  const auto rows = static_cast<uint32_t>(batch.tokens.size());
  rows_.kv = {model.staged(Staged::kPositions).part(0, 4ull * rows),
              model.staged(Staged::kSequences).part(0, 4ull * rows),
              model.staged(Staged::kPageTables).part(0, 4ull * batch.page_tables.size()), rows,
              limits_.pages_max};
  send(Staged::kWindowTables, batch.window_tables);
  for (size_t i = 0; i < rows_.windows.size(); ++i) {
    const uint64_t bytes = 4ull * batch.page_tables.size();
    rows_.windows[i] = rows_.kv;
    rows_.windows[i].page_tables = model.staged(Staged::kWindowTables).part(i * bytes, bytes);
  }
  return rows_;
}

}  // namespace gantry::model
