#include "engine/scheduler.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace gantry::engine {
namespace {

// What its client is charged for an answer until it is known: nobody asks for less than he may get.
uint32_t answer_expected(const Sequence& s) {
  constexpr uint32_t kTokens = 256;
  return std::min(s.end - s.prompt_tokens, kTokens);
}

}  // namespace

void share_rows(std::span<const Need> needs, uint32_t budget, std::span<uint32_t> rows) {
  uint32_t left = budget;
  const auto give = [&](size_t i, uint32_t most) {
    const uint32_t more = std::min({left, most, needs[i].rows - rows[i]});
    rows[i] += more;
    left -= more;
  };
  std::fill(rows.begin(), rows.end(), 0);
  size_t oldest = needs.size();
  for (size_t i = needs.size(); i-- > 0;)
    if (needs[i].phase == Phase::kPrefill && needs[i].rows > 0) oldest = i;
  for (size_t i = 0; i < needs.size(); ++i)
    if (needs[i].phase != Phase::kPrefill) give(i, 1);
  const auto give_to_guesses = [&](uint32_t most) {
    for (size_t i = 0; i < needs.size(); ++i) {
      if (needs[i].phase != Phase::kVerify) continue;
      const uint32_t before = left;
      give(i, most);
      most -= before - left;
    }
  };
  if (oldest == needs.size()) return give_to_guesses(left);
  give_to_guesses(left / 2);
  give(oldest, left - left / 2);
  while (left > 0) {
    size_t shortest = needs.size();
    for (size_t i = oldest; i < needs.size(); ++i) {
      if (needs[i].phase != Phase::kPrefill || rows[i] == needs[i].rows) continue;
      if (shortest == needs.size() || needs[i].rows < needs[shortest].rows) shortest = i;
    }
    if (shortest == needs.size()) return give_to_guesses(left);
    give(shortest, left);
  }
}

Scheduler::Scheduler(kv::SequenceMemory& memory, uint32_t waiting_max, uint32_t running_max,
                     uint32_t step_rows, DraftSource* drafts, uint32_t picks_max)
    : memory_(memory),
      running_max_(running_max),
      step_rows_(step_rows),
      picks_max_(std::max(picks_max, running_max)),
      drafts_(drafts),
      turns_(size_t{waiting_max} + running_max),
      needs_(running_max),
      rows_(running_max),
      page_keys_(running_max) {
  GANTRY_CHECK_LE(1u, running_max);
  GANTRY_CHECK_LE(running_max, step_rows);
  running_.reserve(running_max);
  waiting_.reserve(size_t{waiting_max} + running_max);
  clients_.reserve(running_max);
}

void Scheduler::insert(List& list, std::unique_ptr<Sequence> sequence) {
  const auto place = std::find_if(list.begin(), list.end(),
                                  [&](const auto& other) { return goes_before(*sequence, *other); });
  list.insert(place, std::move(sequence));
}

void Scheduler::add(std::unique_ptr<Sequence> sequence) {
  uint64_t cost = sequence->prompt_tokens + answer_expected(*sequence);
  for (const auto& follower : sequence->followers) cost += answer_expected(*follower);
  sequence->turn = turns_.enter(sequence->job.client, cost);
  for (const auto& follower : sequence->followers) follower->turn = sequence->turn;
  insert(waiting_, std::move(sequence));
}

void Scheduler::settle(const Sequence& s) {
  turns_.settle(s.job.client, answer_expected(s), s.size() - s.prompt_tokens);
}

bool Scheduler::plan(uint32_t budget) {
  admit();
  spare_picks_ = picks_max_ - std::min(picks_max_, places_taken());
  for (size_t i = 0; i < running_.size(); ++i) needs_[i] = need_of(i);
  const auto rows = std::span(rows_).first(running_.size());
  constexpr uint32_t kLeastOfPrompts = 4;
  const auto others = static_cast<uint32_t>(
      std::ranges::count_if(std::span(needs_).first(running_.size()),
                            [](const Need& need) { return need.phase != Phase::kPrefill; }));
  share_rows(std::span(needs_).first(running_.size()),
             std::min(step_rows_, std::max(budget, others + kLeastOfPrompts)), rows);
  for (size_t i = 0; i < running_.size(); ++i) running_[i]->rows = rows[i];
  find_pages();
  return !running_.empty();
}

// In order, but who has fewer than his share of the places passes those who have it.
void Scheduler::admit() {
  if (waiting_.empty()) return;
  share_places();
  while (!waiting_.empty() && places_taken() < running_max_) {
    const size_t next = next_to_admit();
    if (!admit(*waiting_[next])) return;
    for (size_t i = 0; i < next; ++i) waiting_[i]->overtaken = true;
    turns_.begun(waiting_[next]->turn);
    insert(running_, std::move(waiting_[next]));
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(next));
  }
}

size_t Scheduler::next_to_admit() {
  const size_t below = first_below(share_of_places());
  return below < waiting_.size() ? below : 0;
}

// At most one sequence a step gives way: of the client who then still has his share, and the most.
void Scheduler::share_places() {
  if (places_taken() < running_max_) return;
  const uint32_t share = share_of_places();
  const size_t waits = first_below(share);
  if (waits == waiting_.size()) return;
  Sequence* gives = nullptr;
  uint32_t most = 0;
  for (const auto& s : running_) {
    const uint32_t places = places_of(s->job.client);
    const bool may = places >= share + s->answers() && s->job.priority <= waiting_[waits]->job.priority;
    if (!may || places < most) continue;
    most = places;
    gives = s.get();
  }
  if (gives == nullptr) return;
  gives->overtaken = true;
  give_way(*gives);
}

uint32_t Scheduler::places_of(uint64_t client) const {
  uint32_t places = 0;
  for (const auto& s : running_)
    if (s->job.client == client) places += s->answers();
  return places;
}

// Of the clients that have something to do. More than there are places need not be told apart.
uint32_t Scheduler::share_of_places() {
  clients_.clear();
  for (const List* list : {&running_, &waiting_})
    for (const auto& s : *list) {
      if (std::ranges::find(clients_, s->job.client) != clients_.end()) continue;
      clients_.push_back(s->job.client);
      if (clients_.size() == running_max_) return 1;
    }
  return running_max_ / static_cast<uint32_t>(std::max<size_t>(clients_.size(), 1));
}

// The first of those who wait, by place in the list, whose client has fewer places than that; beyond the
// list's end where there is none. Priority goes first.
size_t Scheduler::first_below(uint32_t share) const {
  for (size_t i = 0; i < waiting_.size(); ++i) {
    if (waiting_[i]->job.priority != waiting_[0]->job.priority) break;
    if (places_of(waiting_[i]->job.client) < share) return i;
  }
  return waiting_.size();
}

bool Scheduler::admit(Sequence& sequence) {
  const uint32_t promised = promised_pages();
  sequence.slot = memory_.open(sequence.root);
  sequence.written = memory_.adopt(sequence.slot, sequence.tokens);
  if (missing_pages(sequence) + promised > memory_.available()) {
    memory_.close(std::exchange(sequence.slot, -1));
    sequence.written = 0;
    return false;
  }
  if (!sequence.preempted) sequence.cached_tokens = sequence.written;
  sequence.overtaken = false;
  return true;
}

uint32_t Scheduler::places_taken() const {
  uint32_t places = 0;
  for (const auto& s : running_) places += s->answers();
  return places;
}

Sequence* Scheduler::fork(const Sequence& leader, std::unique_ptr<Sequence> follower) {
  constexpr uint32_t kPages = 2;  // its own of the partly filled one, and the next
  Sequence* s = follower.get();
  const bool room = running_.size() < running_max_ && kPages + promised_pages() <= memory_.available();
  if (room) s->slot = memory_.fork(leader.slot);
  if (s->slot < 0) {
    s->overtaken = true;
    insert(waiting_, std::move(follower));
    return nullptr;
  }
  s->written = s->cached_tokens = leader.written;
  s->phase = s->guesses ? Phase::kVerify : Phase::kDecode;
  insert(running_, std::move(follower));
  return s;
}

// Pages that it will soon need and has not taken yet.
uint32_t Scheduler::missing_pages(const Sequence& sequence) const {
  const uint32_t soon = kv::pages_for(sequence.positions_soon()), held = memory_.held(sequence.slot);
  return soon > held ? soon - held : 0;
}

// Of all who have been admitted.
uint32_t Scheduler::promised_pages() const {
  uint32_t pages = 0;
  for (const auto& s : running_) pages += missing_pages(*s);
  return pages;
}

// All that is pending up to where memory wants a slice to end, after taking over what others have written by
// now, and what has to be brought back: its pages are among those that the sequence was admitted with. None
// while an older sequence is writing the very page that comes next: once it is there it can be shared.
Need Scheduler::need_of(size_t i) {
  Sequence& s = *running_[i];
  page_keys_[i] = 0;
  if (s.phase == Phase::kDecode) return {s.phase, s.pending()};
  if (s.phase == Phase::kVerify) return {s.phase, rows_to_verify(s)};
  const uint32_t gained = memory_.fetch(s.slot, s.tokens);
  s.written += gained;
  if (!s.preempted) s.cached_tokens += gained;
  page_keys_[i] = memory_.next_page_key(s.slot, s.tokens);
  const bool shareable = s.written % kPageTokens == 0 && s.pending() > kPageTokens && page_keys_[i] != 0;
  const auto older = std::span(page_keys_).first(i);
  if (shareable && std::find(older.begin(), older.end(), page_keys_[i]) != older.end()) return {s.phase, 0};
  return {s.phase, memory_.slice_end(s.slot, s.tokens) - s.written};
}

// One for its last token, and one for each guess of what follows. None while that token is on its way, and
// with it the judgement on what was guessed before. Who could not go back by one token now could not after a
// draft.
uint32_t Scheduler::rows_to_verify(Sequence& s) {
  s.draft.clear();
  if (s.under_way) return 0;
  const uint32_t most = std::min({kDraftMax, spare_picks_, s.end - s.size() - 1});
  if (most > 0 && memory_.can_roll_back(s.slot, s.written - 1)) {
    s.draft.resize(most);
    s.draft.resize(drafts_->propose(s.tokens, s.draft));
    spare_picks_ -= static_cast<uint32_t>(s.draft.size());
  }
  return 1 + static_cast<uint32_t>(s.draft.size());
}

// In order; the last make room. The last itself makes do with what there is.
void Scheduler::find_pages() {
  for (size_t i = 0; i < running_.size(); ++i) {
    Sequence& s = *running_[i];
    if (s.rows == 0) continue;
    uint32_t room = memory_.grow(s.slot, s.written + s.rows);
    while (room < s.written + s.rows && running_.back().get() != &s) {
      give_way(*running_.back());
      room = memory_.grow(s.slot, s.written + s.rows);
    }
    s.rows = room - s.written;
    if (s.phase == Phase::kVerify && s.rows > 0) s.draft.resize(s.rows - 1);
    GANTRY_CHECK(i > 0 || s.rows > 0);  // admission saw to it that one sequence fits
  }
}

void Scheduler::give_way(const Sequence& sequence) {
  const auto place = std::ranges::find(running_, &sequence,
                                       [](const auto& other) -> const Sequence* { return other.get(); });
  GANTRY_CHECK(place != running_.end());
  std::unique_ptr<Sequence> s = std::move(*place);
  running_.erase(place);
  memory_.close(std::exchange(s->slot, -1));
  s->written = s->rows = 0;
  s->phase = Phase::kPrefill;
  s->preempted = true;
  insert(waiting_, std::move(s));
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
  settle(*s);
  if (!s->followers.empty()) {
    std::unique_ptr<Sequence> next = std::move(s->followers.front());
    s->followers.erase(s->followers.begin());
    next->followers = std::move(s->followers);
    next->overtaken = true;
    insert(waiting_, std::move(next));
  }
  return s;
}

}  // namespace gantry::engine
