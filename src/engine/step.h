// One step as the engine puts it together: which sequences take part, the arrays of its batch, and what each
// sequence is to get of it.
//
// Page tables are kept twice: while a step reads one copy, bookkeeping goes on and the next step's is filled.
// All is allocated at construction. Engine thread only.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/sequence.h"
#include "engine/step_cost.h"
#include "kv/sequence_memory.h"
#include "model/runner.h"

namespace gantry::engine {

class Step {
 public:
  // A sequence's rows in the step.
  struct Part {
    Sequence* sequence = nullptr;
    int32_t row = 0;  // its last
    bool gives =
        false;  // that row gives what comes next: a token, or the embedding; so do those of right guesses
  };

  Step(const model::RunnerLimits& limits, uint32_t slots, uint32_t rows_max);

  // Copies the page tables of these as they are now, for the step that comes after the one under way.
  void copy_tables(const kv::SequenceMemory& memory, std::span<const std::unique_ptr<Sequence>> running);
  // No rows yet.
  void clear();
  // The sequence's next `rows` tokens.
  void add(Sequence& sequence);
  // A follower of the sequence of this part, whose last row gives it its first token too. The part that
  // stands behind it.
  void add_follower(size_t part, Sequence& sequence);
  // Once all have been added: what is picked, and whose hidden states are wanted.
  void list_given();
  uint32_t rows() const { return static_cast<uint32_t>(tokens_.size()); }
  StepWork work() const { return {rows(), static_cast<uint32_t>(picks_.size()), reach_}; }
  std::span<const Part> parts() const { return parts_; }  // in the order of their rows
  // Holds, and so does all it points to, until the next clear(); the tables until copy_tables() after next.
  model::Batch batch(const kv::SequenceMemory& memory) const;

 private:
  struct Tables {
    std::vector<PageId> pages, window_pages;  // as SequenceMemory has them
    std::vector<uint32_t> filled;             // [slots]: entries of each table that may not be kNoPage
  };

  const uint32_t slots_, pages_max_, windows_;
  std::vector<uint32_t> held_;  // [slots]: pages in each table
  std::array<Tables, 2> tables_;
  uint32_t current_ = 0;
  std::vector<Part> parts_;
  uint64_t reach_ = 0;                 // StepWork's
  std::vector<TokenId> tokens_;        // [rows]
  std::vector<int32_t> positions_;     // [rows]
  std::vector<int32_t> slot_of_row_;   // [rows]
  std::vector<uint32_t> adapters_;     // [rows], or none where nobody asks for one
  std::vector<model::PickRow> picks_;  // [parts that give a token, and their guesses]
  std::vector<int32_t> hidden_rows_;   // [parts that give an embedding]
};

}  // namespace gantry::engine
