// Which sequences take part in the next step, and with how many rows. Engine thread only; allocates nothing
// after construction.
//
// Must hold: jobs are admitted in the order of arrival; every running sequence is older than every waiting
// one; each decoding sequence has its row in every step unless the pages have run out (L3); when they have,
// the youngest running sequence gives its pages back and waits again, at the front (M3). The oldest always
// goes on, so all do.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/sequence.h"
#include "kv/sequence_memory.h"

namespace gantry::engine {

// Shares the rows of one step. pending[i]: rows that sequence i, oldest first, could use; 0: none. One row
// for each that needs just one; of the rest half to the oldest prefill, so that it ends, and half to the
// shortest, so that a short prompt does not wait for a long one. What nobody needs is not given.
void share_rows(std::span<const uint32_t> pending, uint32_t budget, std::span<uint32_t> rows);

class Scheduler {
 public:
  // At most running_max sequences at a time; step_rows >= running_max, so that each can have a row.
  Scheduler(kv::SequenceMemory& memory, uint32_t waiting_max, uint32_t running_max, uint32_t step_rows);

  void add(std::unique_ptr<Sequence> sequence);
  // Sets `rows` of the running sequences. False when there is nothing to do.
  bool plan();
  // Takes the sequence out, wherever it is, and its pages back.
  std::unique_ptr<Sequence> remove(Sequence* sequence);

  std::span<const std::unique_ptr<Sequence>> running() const { return running_; }  // oldest first
  std::span<const std::unique_ptr<Sequence>> waiting() const { return waiting_; }  // oldest first
  uint64_t preemptions() const { return preemptions_; }

 private:
  void admit();
  bool admit(Sequence& sequence);
  void adopt(Sequence& sequence);
  uint32_t promised_pages() const;
  uint32_t wanted_rows(size_t i);
  void find_pages();
  void preempt_youngest();

  kv::SequenceMemory& memory_;
  const uint32_t running_max_, step_rows_;
  std::vector<std::unique_ptr<Sequence>> running_, waiting_;
  std::vector<uint32_t> pending_, rows_;  // [running_max]
  std::vector<uint64_t> page_keys_;       // [running_max]: the page that each prefill is about to write
  uint64_t preemptions_ = 0;
};

}  // namespace gantry::engine
