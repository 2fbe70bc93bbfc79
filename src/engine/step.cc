#include "engine/step.h"

#include <algorithm>

namespace gantry::engine {

Step::Step(const model::RunnerLimits& limits, uint32_t slots, uint32_t rows_max)
    : slots_(slots),
      pages_max_(limits.pages_max),
      windows_(static_cast<uint32_t>(limits.windows.size())),
      held_(slots) {
  const size_t entries = size_t{slots} * pages_max_;
  for (Tables& tables : tables_) {
    tables.pages.assign(entries, kNoPage);
    tables.window_pages.assign(entries * windows_, kNoPage);
    tables.filled.assign(slots, 0);
  }
  parts_.reserve(slots);
  tokens_.reserve(rows_max);
  positions_.reserve(rows_max);
  slot_of_row_.reserve(rows_max);
  adapters_.reserve(rows_max);
  picks_.reserve(limits.logit_rows_max);
  hidden_rows_.reserve(slots);
}

void Step::copy_tables(const kv::SequenceMemory& memory, std::span<const std::unique_ptr<Sequence>> running) {
  current_ = 1 - current_;
  Tables& to = tables_[current_];
  const size_t entries = size_t{slots_} * pages_max_;
  std::ranges::fill(held_, 0u);
  for (const auto& s : running) held_[static_cast<size_t>(s->slot)] = memory.held(s->slot);
  for (uint32_t slot = 0; slot < slots_; ++slot) {
    const uint32_t count = std::max(held_[slot], to.filled[slot]);
    to.filled[slot] = held_[slot];
    const size_t first = size_t{slot} * pages_max_;
    std::ranges::copy(memory.tables().subspan(first, count),
                      to.pages.begin() + static_cast<ptrdiff_t>(first));
    for (uint32_t i = 0; i < windows_; ++i) {
      const size_t at = i * entries + first;
      std::ranges::copy(memory.window_tables().subspan(at, count),
                        to.window_pages.begin() + static_cast<ptrdiff_t>(at));
    }
  }
}

void Step::clear() {
  parts_.clear();
  tokens_.clear();
  positions_.clear();
  slot_of_row_.clear();
  adapters_.clear();
  picks_.clear();
  hidden_rows_.clear();
  reach_ = 0;
}

void Step::add(Sequence& s) {
  reach_ += reach_of(s.written, s.rows);
  const size_t first = tokens_.size(), end = first + s.rows;
  if (s.job.adapter != 0) adapters_.resize(first, 0);
  if (s.job.adapter != 0 || !adapters_.empty()) adapters_.resize(end, s.job.adapter);
  for (uint32_t i = s.written; i < s.written + s.rows; ++i) {
    tokens_.push_back(s.tokens[i]);
    positions_.push_back(static_cast<int32_t>(i));
    slot_of_row_.push_back(s.slot);
  }
  parts_.push_back({&s, static_cast<int32_t>(end - 1), s.written + s.rows == s.tokens.size()});
}

void Step::add_follower(size_t part, Sequence& s) {
  parts_.insert(parts_.begin() + static_cast<std::ptrdiff_t>(part) + 1, {&s, parts_[part].row, true});
}

void Step::list_given() {
  for (const auto& [sequence, row, gives] : parts_) {
    const Sequence& s = *sequence;
    if (gives && s.job.wanted == Wanted::kEmbedding) hidden_rows_.push_back(row);
    if (!gives || s.job.wanted != Wanted::kTokens) continue;
    for (uint32_t known = s.size(); known <= s.tokens.size(); ++known)
      picks_.push_back({.row = row - static_cast<int32_t>(s.tokens.size() - known),
                        .params = &s.job.sampling,
                        .tokens = std::span(s.tokens).first(known),
                        .prompt_tokens = s.prompt_tokens,
                        .stage = s.stage.get(),
                        .logprobs = s.job.logprobs,
                        .top_logprobs = s.job.top_logprobs});
  }
}

model::Batch Step::batch(const kv::SequenceMemory& memory) const {
  const Tables& tables = tables_[current_];
  return {.tokens = tokens_,
          .positions = positions_,
          .sequences = slot_of_row_,
          .page_tables = tables.pages,
          .picks = picks_,
          .hidden_rows = hidden_rows_,
          .copies_before = memory.copies_before(),
          .copies_after = memory.copies_after(),
          .window_tables = tables.window_pages,
          .adapters = adapters_};
}

}  // namespace gantry::engine
