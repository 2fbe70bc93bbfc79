#include "engine/scheduler.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace gantry::engine {

void share_rows(std::span<const uint32_t> pending, uint32_t budget, std::span<uint32_t> rows) {
  uint32_t left = budget;
  size_t oldest = pending.size();
  for (size_t i = 0; i < pending.size(); ++i) {
    rows[i] = pending[i] == 1 && left > 0 ? 1 : 0;
    left -= rows[i];
    if (pending[i] > 1 && oldest == pending.size()) oldest = i;
  }
  if (oldest == pending.size()) return;
  rows[oldest] = std::min(pending[oldest], left - left / 2);
  left -= rows[oldest];
  while (left > 0) {
    size_t shortest = pending.size();
    for (size_t i = oldest; i < pending.size(); ++i)
      if (rows[i] < pending[i] && (shortest == pending.size() || pending[i] < pending[shortest]))
        shortest = i;
    if (shortest == pending.size()) return;
    const uint32_t more = std::min(left, pending[shortest] - rows[shortest]);
    rows[shortest] += more;
    left -= more;
  }
}

Scheduler::Scheduler(kv::SequenceMemory& memory, uint32_t waiting_max, uint32_t running_max,
                     uint32_t step_rows)
    : memory_(memory),
      running_max_(running_max),
      step_rows_(step_rows),
      pending_(running_max),
      rows_(running_max),
      page_keys_(running_max) {
  GANTRY_CHECK_LE(1u, running_max);
  GANTRY_CHECK_LE(running_max, step_rows);
  running_.reserve(running_max);
  waiting_.reserve(size_t{waiting_max} + running_max);
}

void Scheduler::add(std::unique_ptr<Sequence> sequence) { waiting_.push_back(std::move(sequence)); }

bool Scheduler::plan() {
  admit();
  for (size_t i = 0; i < running_.size(); ++i) pending_[i] = wanted_rows(i);
  const auto rows = std::span(rows_).first(running_.size());
  share_rows(std::span(pending_).first(running_.size()), step_rows_, rows);
  for (size_t i = 0; i < running_.size(); ++i) running_[i]->rows = rows[i];
  find_pages();
  return !running_.empty();
}

void Scheduler::admit() {
  size_t admitted = 0;
  while (admitted < waiting_.size() && running_.size() < running_max_ && admit(*waiting_[admitted]))
    running_.push_back(std::move(waiting_[admitted++]));
  waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(admitted));
}

bool Scheduler::admit(Sequence& sequence) {
  const uint32_t promised = promised_pages();
  sequence.slot = memory_.open();
  sequence.written = memory_.adopt(sequence.slot, sequence.tokens);
  const uint32_t needed = kv::pages_for(sequence.positions_soon()) - memory_.held(sequence.slot);
  if (needed + promised > memory_.available()) {
    memory_.close(std::exchange(sequence.slot, -1));
    sequence.written = 0;
    return false;
  }
  if (!sequence.preempted) sequence.cached_tokens = sequence.written;
  return true;
}

// Pages that running sequences have been admitted with and have not taken yet.
uint32_t Scheduler::promised_pages() const {
  uint32_t pages = 0;
  for (const auto& s : running_) {
    const uint32_t soon = kv::pages_for(s->positions_soon()), held = memory_.held(s->slot);
    pages += soon > held ? soon - held : 0;
  }
  return pages;
}

// All that is pending up to where memory wants a slice to end, after taking over what others have written by
// now. None while an older sequence is writing the very page that comes next: once it is there it can be
// shared.
uint32_t Scheduler::wanted_rows(size_t i) {
  Sequence& s = *running_[i];
  page_keys_[i] = 0;
  if (s.pending() == 1) return 1;
  const uint32_t gained = memory_.adopt(s.slot, s.tokens);
  s.written += gained;
  if (!s.preempted) s.cached_tokens += gained;
  if (s.pending() == 1) return 1;
  page_keys_[i] = memory_.next_page_key(s.slot, s.tokens);
  const bool shareable = s.written % kPageTokens == 0 && s.pending() > kPageTokens && page_keys_[i] != 0;
  const auto older = std::span(page_keys_).first(i);
  if (shareable && std::find(older.begin(), older.end(), page_keys_[i]) != older.end()) return 0;
  return memory_.slice_end(s.slot, s.tokens) - s.written;
}

// Oldest first; the youngest make room. The youngest itself makes do with what there is.
void Scheduler::find_pages() {
  for (size_t i = 0; i < running_.size(); ++i) {
    Sequence& s = *running_[i];
    if (s.rows == 0) continue;
    uint32_t room = memory_.grow(s.slot, s.written + s.rows);
    while (room < s.written + s.rows && running_.back().get() != &s) {
      preempt_youngest();
      room = memory_.grow(s.slot, s.written + s.rows);
    }
    s.rows = room - s.written;
    GANTRY_CHECK(i > 0 || s.rows > 0);  // admission saw to it that one sequence fits
  }
}

void Scheduler::preempt_youngest() {
  std::unique_ptr<Sequence> s = std::move(running_.back());
  running_.pop_back();
  memory_.close(std::exchange(s->slot, -1));
  s->written = s->rows = 0;
  s->preempted = true;
  waiting_.insert(waiting_.begin(), std::move(s));
  ++preemptions_;
}

std::unique_ptr<Sequence> Scheduler::remove(Sequence* sequence) {
  auto& list = sequence->slot >= 0 ? running_ : waiting_;
  const auto place =
      std::find_if(list.begin(), list.end(), [&](const auto& s) { return s.get() == sequence; });
  GANTRY_CHECK(place != list.end());
  std::unique_ptr<Sequence> s = std::move(*place);
  list.erase(place);
  if (s->slot >= 0) memory_.close(std::exchange(s->slot, -1));
  return s;
}

}  // namespace gantry::engine
