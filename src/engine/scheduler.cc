#include "engine/scheduler.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"

namespace gantry::engine {
namespace {

// What its client is charged for an answer until it is known: nobody asks for less than he may get.
uint32_t answer_expected(const Sequence& s) {
  constexpr uint32_t kTokens = 256;
  return std::min(s.end - s.prompt_tokens, kTokens);
}

// Of what is still to be computed.
uint64_t cost_of(const Sequence& s) {
  uint64_t cost = s.size() + answer_expected(s);
  for (const auto& follower : s.followers) cost += answer_expected(*follower);
  return cost;
}

}  // namespace

void share_rows(std::span<const Need> needs, StepRoom left, std::span<uint32_t> rows) {
  // What it gave.
  const auto give = [&](size_t i, const StepRoom& most) {
    uint32_t more = std::min({left.rows, most.rows, needs[i].rows - rows[i]});
    if (needs[i].cost > 0) more = static_cast<uint32_t>(std::min<double>(more, most.seconds / needs[i].cost));
    rows[i] += more;
    left.rows -= more;
    left.seconds = std::max(0.0, left.seconds - more * needs[i].cost);
    return StepRoom{more, more * needs[i].cost};
  };
  std::fill(rows.begin(), rows.end(), 0);
  size_t oldest = needs.size();
  for (size_t i = needs.size(); i-- > 0;)
    if (needs[i].phase == Phase::kPrefill && needs[i].rows > 0) oldest = i;
  for (size_t i = 0; i < needs.size(); ++i)
    if (needs[i].phase != Phase::kPrefill) give(i, {.rows = 1});
  const auto give_to_guesses = [&](StepRoom most) {
    for (size_t i = 0; i < needs.size(); ++i) {
      if (needs[i].phase != Phase::kVerify) continue;
      const StepRoom given = give(i, most);
      most.rows -= given.rows;
      most.seconds = std::max(0.0, most.seconds - given.seconds);
    }
  };
  if (oldest == needs.size()) return give_to_guesses(left);
  give_to_guesses({left.rows / 2, left.seconds / 2});
  give(oldest, {left.rows - left.rows / 2, left.seconds / 2});
  for (bool gave = true; gave;) {
    size_t shortest = needs.size();
    for (size_t i = oldest; i < needs.size(); ++i) {
      if (needs[i].phase != Phase::kPrefill || rows[i] == needs[i].rows) continue;
      if (shortest == needs.size() || needs[i].rows < needs[shortest].rows) shortest = i;
    }
    if (shortest == needs.size()) return give_to_guesses(left);
    gave = give(shortest, left).rows > 0;
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
  givers_.reserve(running_max);
}

void Scheduler::insert(List& list, std::unique_ptr<Sequence> sequence) {
  const auto place = std::find_if(list.begin(), list.end(),
                                  [&](const auto& other) { return goes_before(*sequence, *other); });
  list.insert(place, std::move(sequence));
}

void Scheduler::wait(std::unique_ptr<Sequence> sequence) {
  sequence->patience = cost_of(*sequence);
  insert(waiting_, std::move(sequence));
}

void Scheduler::add(std::unique_ptr<Sequence> sequence) {
  sequence->turn = turns_.enter(sequence->job.client, cost_of(*sequence));
  for (const auto& follower : sequence->followers) follower->turn = sequence->turn;
  wait(std::move(sequence));
}

void Scheduler::settle(const Sequence& s) {
  turns_.settle(s.job.client, answer_expected(s), s.size() - s.prompt_tokens);
}

bool Scheduler::plan(const StepBudget& budget) {
  admit();
  spare_picks_ = picks_max_ - std::min(picks_max_, places_taken());
  for (size_t i = 0; i < running_.size(); ++i) {
    needs_[i] = need_of(i);
    needs_[i].cost = budget.cost().of_row(running_[i]->written);
    if (needs_[i].phase == Phase::kVerify) needs_[i].cost += budget.cost().of_pick();
  }
  const auto rows = std::span(rows_).first(running_.size());
  share_rows(std::span(needs_).first(running_.size()), room_of(budget), rows);
  for (size_t i = 0; i < running_.size(); ++i) running_[i]->rows = rows[i];
  find_pages();
  return !running_.empty();
}

// Whatever the budget says, each answer has its row, and of prompts a few go on.
StepRoom Scheduler::room_of(const StepBudget& budget) const {
  constexpr uint32_t kLeastOfPrompts = 4;
  StepWork of_answers, of_all;
  double dearest = 0;  // row of a prompt
  for (size_t i = 0; i < running_.size(); ++i) {
    of_all.add(running_[i]->written, 1, 1);
    if (needs_[i].phase != Phase::kPrefill)
      of_answers.add(running_[i]->written, 1, 1);
    else
      dearest = std::max(dearest, needs_[i].cost);
  }
  const StepCost& cost = budget.cost();
  const double own = cost.of(of_answers);
  StepRoom room = budget.room(of_answers, of_all);
  room.rows = std::min(step_rows_, std::max(room.rows, of_answers.rows + kLeastOfPrompts));
  room.seconds = std::max(room.seconds, own + kLeastOfPrompts * dearest);
  // Of the time there is for rows, picks of answers are not the rows' own.
  room.seconds -= cost.of({}) + of_answers.picks * cost.of_pick();
  return room;
}

// In order, but who has less than his share passes those who have it.
void Scheduler::admit() {
  if (waiting_.empty()) return;
  share_places();
  while (!waiting_.empty() && places_taken() < running_max_) {
    Sequence* const sequence = admit_next();
    if (sequence == nullptr) return;
    const auto place = std::ranges::find(waiting_, sequence, &std::unique_ptr<Sequence>::get);
    for (auto passed = waiting_.begin(); passed != place; ++passed) {
      (*passed)->overtaken = true;
      (*passed)->patience -= std::min((*passed)->patience, cost_of(*sequence));
    }
    turns_.begun(sequence->turn);
    insert(running_, std::move(*place));
    waiting_.erase(place);
  }
}

// Who waits for more pages than there are is passed by other clients who stay within their share, until that
// has come to as much as he asks for.
Sequence* Scheduler::admit_next() {
  constexpr size_t kTried = 8;
  std::array<uint64_t, kTried> tried{};  // clients
  size_t n = 0;
  const uint32_t clients = clients_at_work(), share = memory_.pages() / clients;
  for (size_t i = 0; i < waiting_.size() && n < kTried; ++i) {
    Sequence& s = *waiting_[i];
    if (s.job.priority != waiting_[0]->job.priority) break;
    if (s.under_way || !is_below_share(s, clients)) continue;  // under way: it has just given way
    const auto before = std::span(tried).first(n);
    if (std::ranges::find(before, s.job.client) != before.end()) continue;
    if (n > 0 && pages_of(s.job.client) + kv::pages_for(s.positions_soon()) > share) continue;
    if (admit(s) || make_room_for(s)) return &s;
    if (s.patience == 0) return nullptr;
    tried[n++] = s.job.client;
  }
  Sequence& first = *waiting_[0];
  return n == 0 && !first.under_way && admit(first) ? &first : nullptr;
}

// At most one sequence a step gives way: of the client who then still has his share, and the most.
void Scheduler::share_places() {
  if (places_taken() < running_max_) return;
  const uint32_t share = running_max_ / clients_at_work();
  const size_t waits = first_below_share();
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
  if (gives != nullptr) give_way_to_others(*gives);
}

uint32_t Scheduler::places_of(uint64_t client) const {
  uint32_t places = 0;
  for (const auto& s : running_)
    if (s->job.client == client) places += s->answers();
  return places;
}

uint32_t Scheduler::pages_of(uint64_t client) const {
  uint32_t pages = 0;
  for (const auto& s : running_)
    if (s->job.client == client) pages += memory_.held(s->slot);
  return pages;
}

// Clients that have something to do. More than there are places need not be told apart.
uint32_t Scheduler::clients_at_work() {
  clients_.clear();
  for (const List* list : {&running_, &waiting_})
    for (const auto& s : *list) {
      if (std::ranges::find(clients_, s->job.client) != clients_.end()) continue;
      clients_.push_back(s->job.client);
      if (clients_.size() == running_max_) return running_max_;
    }
  return static_cast<uint32_t>(std::max<size_t>(clients_.size(), 1));
}

// Whether the client of one that waits has fewer places than others leave him, and, where it does not find
// room, fewer pages.
bool Scheduler::is_below_share(const Sequence& s, uint32_t clients) const {
  if (places_of(s.job.client) >= running_max_ / clients) return false;
  const bool fits = kv::pages_for(s.positions_soon()) + promised_pages() <= memory_.available();
  return fits || pages_of(s.job.client) < memory_.pages() / clients;
}

// Of those who wait, by place in the list; beyond its end where there is none. Priority goes first.
size_t Scheduler::first_below_share() {
  const uint32_t clients = clients_at_work();
  for (size_t i = 0; i < waiting_.size(); ++i) {
    if (waiting_[i]->job.priority != waiting_[0]->job.priority) break;
    if (is_below_share(*waiting_[i], clients)) return i;
  }
  return waiting_.size();
}

// For one whose client has less than his share of the pages: of clients who have more. All of it or nothing.
bool Scheduler::make_room_for(Sequence& s) {
  const uint32_t share = memory_.pages() / clients_at_work();
  if (pages_of(s.job.client) >= share) return false;
  givers_.clear();
  uint32_t needed = kv::pages_for(s.positions_soon()) + promised_pages(), room = memory_.available();
  while (needed > room) {
    Sequence* const gives = next_to_give(s, share);
    if (gives == nullptr) return false;
    givers_.push_back(gives);
    needed -= missing_pages(*gives);
    room += memory_.held(gives->slot);
  }
  for (Sequence* const gives : givers_) give_way_to_others(*gives);
  return admit(s);
}

// Beyond those who give already: the last sequence of the client who then has most, and more than his share.
// One that has come no farther since it last gave way does not do so again: what it computes anew is a small
// part of what it goes on by.
Sequence* Scheduler::next_to_give(const Sequence& to, uint32_t share) const {
  constexpr uint32_t kPartOfReached = 8;
  const auto has_come_farther = [](const Sequence& s) {
    return s.written >= s.reached + std::max(kPageTokens, s.reached / kPartOfReached);
  };
  Sequence* gives = nullptr;
  uint32_t most = share;
  for (const auto& s : running_) {
    if (s->job.client == to.job.client || s->job.priority > to.job.priority) continue;
    if (!has_come_farther(*s) || std::ranges::find(givers_, s.get()) != givers_.end()) continue;
    uint32_t pages = pages_of(s->job.client);
    for (const Sequence* other : givers_)
      if (other->job.client == s->job.client) pages -= memory_.held(other->slot);
    if (pages <= share || pages < most) continue;
    most = pages;
    gives = s.get();
  }
  return gives;
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
    wait(std::move(follower));
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

// In order; whose turn it is to lose pages makes room, or makes do with what there is.
void Scheduler::find_pages() {
  for (size_t i = 0; i < running_.size(); ++i) {
    Sequence& s = *running_[i];
    if (s.rows == 0) continue;
    uint32_t room = memory_.grow(s.slot, s.written + s.rows);
    while (room < s.written + s.rows) {
      const size_t loses = first_to_lose_pages();
      if (loses == i) break;
      if (loses < i) --i;
      if (loses + 1 < running_.size())
        give_way_to_others(*running_[loses]);
      else
        give_way(*running_[loses]);
      room = memory_.grow(s.slot, s.written + s.rows);
    }
    s.rows = room - s.written;
    if (s.phase == Phase::kVerify && s.rows > 0) s.draft.resize(s.rows - 1);
    GANTRY_CHECK(i > 0 || s.rows > 0);  // admission saw to it that one sequence fits
  }
}

// The last one whose client has more than his share of the pages, but never the first of all; where there is
// none, the last. Of the lowest priority that runs.
size_t Scheduler::first_to_lose_pages() {
  const size_t last = running_.size() - 1;
  const uint32_t share = memory_.pages() / clients_at_work();
  for (size_t i = last; i > 0 && running_[i]->job.priority == running_[last]->job.priority; --i)
    if (pages_of(running_[i]->job.client) > share) return i;
  return last;
}

// Though its turn came before theirs.
void Scheduler::give_way_to_others(Sequence& s) {
  s.overtaken = true;
  give_way(s);
}

void Scheduler::give_way(const Sequence& sequence) {
  const auto place = std::ranges::find(running_, &sequence,
                                       [](const auto& other) -> const Sequence* { return other.get(); });
  GANTRY_CHECK(place != running_.end());
  std::unique_ptr<Sequence> s = std::move(*place);
  running_.erase(place);
  memory_.close(std::exchange(s->slot, -1));
  s->reached = std::max(s->reached, s->written);
  s->written = s->rows = 0;
  s->phase = Phase::kPrefill;
  s->preempted = true;
  wait(std::move(s));
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
    wait(std::move(next));
  }
  return s;
}

}  // namespace gantry::engine
