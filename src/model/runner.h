// What the engine needs of a model: one step over a batch of rows, logits for the rows that want them. The
// engine knows nothing else of models; tests put a model without weights behind it (tests/sim).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/copies.h"
#include "base/ids.h"

namespace gantry::model {

struct RunnerLimits {
  uint32_t vocab = 0;           // logits per row
  uint32_t context_max = 0;     // positions of one sequence
  uint32_t sequences_max = 0;   // page tables in one batch
  uint32_t rows_max = 0;        // tokens in one batch
  uint32_t logit_rows_max = 0;  // rows whose logits may be asked for in one batch
  uint32_t pages = 0;           // in the KV pool, shared by all sequences
  uint32_t pages_max = 0;       // in one sequence's table: ceil(context_max / kPageTokens)
  bool recurrent = false;       // sequence i of a batch changes state i
  struct Window {
    uint32_t window = 0, pages = 0;
  };
  std::vector<Window> windows = {};  // layers that see only so much have pages and page tables of their own
  uint32_t width = 0;                // values of a hidden state; 0: the runner gives none out
  uint32_t checkpoints = 0;  // states beside those of the sequences: [sequences_max, sequences_max + this)
};

// One step. Rows of one sequence stand together, in rising, gapless positions. Everything below a row's
// position has been written into its pages by this or an earlier step. With recurrent layers, a sequence's
// state after the copies before the rows is that of the position before its first row, and the step leaves it
// at its last; one whose first row is at position 0 starts from the empty state, whatever was copied there.
struct Batch {
  std::span<const TokenId> tokens;           // [rows]
  std::span<const int32_t> positions;        // [rows]
  std::span<const int32_t> sequences;        // [rows]: index of the sequence's page table below
  std::span<const PageId> page_tables;       // [sequences, limits.pages_max], kNoPage beyond the end
  std::span<const int32_t> logit_rows;       // [logit rows]: indices into the rows above, rising
  std::span<const Copy> copies_before = {};  // before the rows, in this order
  std::span<const Copy> copies_after = {};   // after them, likewise
  // [limits.windows, sequences, limits.pages_max]: every page that a row's window reaches, kNoPage elsewhere
  std::span<const PageId> window_tables = {};
};

class Runner {
 public:
  virtual ~Runner() = default;
  virtual const RunnerLimits& limits() const = 0;
  // Writes the rows' keys and values, then fills logits [logit rows, vocab]. Returns when they are there.
  // Allocates nothing. Throws Error kDevice only when the device has failed for good. One thread at a time.
  virtual void step(const Batch& batch, std::span<float> logits) = 0;
};

}  // namespace gantry::model
