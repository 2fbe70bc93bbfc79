// Which sequences take part in the next step, and with how many rows. Engine thread only; allocates nothing
// after construction.
//
// Must hold: jobs are admitted in the order of goes_before(): by priority, then by their clients' turns, then
// by arrival; of one priority every running sequence is older than every waiting one; each decoding sequence
// has its row in every step unless the pages have run out (L3); when they have, the last running sequence in
// that order gives its pages back and waits again, in its place (M3). The first always goes on, so all of one
// priority do. Followers have their places among the running from their leader's admission; where pages are
// short when they begin, they may be overtaken.
//
// Clients share the places of the running evenly, and the pages: where all are taken, one who has more than
// his share gives some to one who waits and has less, and overtakes nobody until he has not. Who waits for
// pages gets them of sequences that have come farther since they last gave any: so each goes on in the end.
// Where running sequences need more, those of clients with more than their share give way before others do;
// the first of all never does.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/fair_turns.h"
#include "engine/sequence.h"
#include "engine/step_budget.h"
#include "kv/sequence_memory.h"

namespace gantry::engine {

// What one sequence could use of a step.
struct Need {
  Phase phase = Phase::kPrefill;
  uint32_t rows = 0;  // 0: it waits for something
  double cost = 0;    // of a row, in seconds
};

// Shares the room of one step among sequences, oldest first. One row for each that decodes, whatever it
// takes; then guesses, which get no more than half of what is left while somebody prefills, so that they hold
// nobody up; of the rest half to the oldest prefill, so that it ends, and half to the shortest, so that a
// short prompt does not wait for a long one. What nobody needs is not given.
void share_rows(std::span<const Need> needs, StepRoom room, std::span<uint32_t> rows);

class Scheduler {
 public:
  // At most running_max sequences at a time; step_rows >= running_max, so that each can have a row.
  // picks_max: of a step, at least running_max; what is left is for guesses of `drafts`, if there is such.
  Scheduler(kv::SequenceMemory& memory, uint32_t waiting_max, uint32_t running_max, uint32_t step_rows,
            DraftSource* drafts = nullptr, uint32_t picks_max = 0);

  void add(std::unique_ptr<Sequence> sequence);
  // Sets `rows` of the running sequences, so that the step takes about as long as it may: who decodes has its
  // row whatever the budget, and of prompts a few go on. False when there is nothing to do.
  bool plan(const StepBudget& budget);
  // A follower of `leader`, whose prompt is written and nothing beyond it: goes on from there, sharing pages,
  // or waits for its turn where there is no room. Null in that case.
  Sequence* fork(const Sequence& leader, std::unique_ptr<Sequence> follower);
  // Takes the sequence out, wherever it is, and its pages back. The first of its followers leads the others
  // now.
  std::unique_ptr<Sequence> remove(Sequence* sequence);

  // A follower that ends before it began: what its client was charged for it is given back.
  void settle(const Sequence& sequence);
  // A running sequence gives its pages back, keeps what was said and waits.
  void give_way(const Sequence& sequence);

  std::span<const std::unique_ptr<Sequence>> running() const { return running_; }  // in order
  std::span<const std::unique_ptr<Sequence>> waiting() const { return waiting_; }  // in order
  uint64_t preemptions() const { return preemptions_; }

 private:
  using List = std::vector<std::unique_ptr<Sequence>>;
  static void insert(List& list, std::unique_ptr<Sequence> sequence);
  void admit();
  Sequence* admit_next();
  bool admit(Sequence& sequence);
  void wait(std::unique_ptr<Sequence> sequence);
  void share_places();
  uint32_t places_taken() const;
  uint32_t places_of(uint64_t client) const;
  uint32_t clients_at_work();
  bool is_below_share(const Sequence& sequence, uint32_t clients) const;
  size_t first_below_share();
  uint32_t pages_of(uint64_t client) const;
  bool make_room_for(Sequence& sequence);
  Sequence* next_to_give(const Sequence& to, uint32_t share) const;
  size_t first_to_lose_pages();
  void give_way_to_others(Sequence& sequence);
  uint32_t missing_pages(const Sequence& sequence) const;
  uint32_t promised_pages() const;
  Need need_of(size_t i);
  StepRoom room_of(const StepBudget& budget) const;
  void find_pages();
  uint32_t rows_to_verify(Sequence& sequence);

  kv::SequenceMemory& memory_;
  const uint32_t running_max_, step_rows_, picks_max_;
  DraftSource* const drafts_;
  List running_, waiting_;
  FairTurns turns_;
  std::vector<uint64_t> clients_;    // [running_max]
  std::vector<Sequence*> givers_;    // [running_max]
  std::vector<Need> needs_;          // [running_max]
  std::vector<uint32_t> rows_;       // [running_max]
  std::vector<uint64_t> page_keys_;  // [running_max]: the page that each prefill is about to write
  uint32_t spare_picks_ = 0;         // of the step being planned
  uint64_t preemptions_ = 0;
};

}  // namespace gantry::engine
