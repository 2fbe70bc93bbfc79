// What the engine needs of a model: steps over batches of rows, launched and later landed, and of each the
// tokens picked near the logits. The engine knows nothing else of models; tests put a model without weights
// behind it (tests/sim).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/copies.h"
#include "base/ids.h"
#include "sample/logit_stage.h"
#include "sample/params.h"
#include "sample/sampler.h"

namespace gantry::model {

struct RunnerLimits {
  uint32_t vocab = 0;           // logits per row
  uint32_t context_max = 0;     // positions of one sequence
  uint32_t sequences_max = 0;   // page tables in one batch
  uint32_t rows_max = 0;        // tokens in one batch
  uint32_t logit_rows_max = 0;  // picks, rows of logits and hidden rows together in one batch
  uint32_t pages = 0;           // in the KV pool, shared by all sequences
  uint32_t pages_max = 0;       // in one sequence's table: ceil(context_max / kPageTokens)
  bool recurrent = false;       // sequence i of a batch changes state i
  struct Window {
    uint32_t window = 0, pages = 0;
  };
  std::vector<Window> windows = {};  // layers that see only so much have pages and page tables of their own
  uint32_t width = 0;                // values of a hidden state; 0: the runner gives none out
  uint32_t adapters = 0;             // that a row may ask for, numbered from 1
  uint32_t checkpoints = 0;  // states beside those of the sequences: [sequences_max, sequences_max + this)
  TierSizes host = {};       // pages and states that copies may move to the host's memory and back
};

// A row whose next token is picked, and what the pick needs beside its logits.
struct PickRow {
  int32_t row = 0;                                 // index into the rows of the batch
  const sample::SamplingParams* params = nullptr;  // validated
  std::span<const TokenId> tokens;                 // prompt and answer so far
  size_t prompt_tokens = 0;                        // how many of them are the prompt
  sample::LogitStage* stage = nullptr;  // asked for its mask once, by a thread of the runner, before landing
  bool logprobs = false;
  uint32_t top_logprobs = 0;
};

// One step. Rows of one sequence stand together, in rising, gapless positions. Everything below a row's
// position has been written into its pages by this or an earlier step. With recurrent layers, a sequence's
// state after the copies before the rows is that of the position before its first row, and the step leaves it
// at its last; one whose first row is at position 0 starts from the empty state, whatever was copied there.
//
// The three lists of rows that give something are each rising; a row may be picked from several times in a
// row.
struct Batch {
  std::span<const TokenId> tokens;      // [rows]; kNoToken: the row takes the next vector of `inputs`
  std::span<const int32_t> positions;   // [rows]: in sequence memory
  std::span<const int32_t> sequences;   // [rows]: index of the sequence's page table below
  std::span<const PageId> page_tables;  // [sequences, limits.pages_max], kNoPage beyond the end
  std::span<const PickRow> picks = {};
  std::span<const int32_t> logit_rows = {};   // whose logits are wanted whole
  std::span<const int32_t> hidden_rows = {};  // whose hidden states are wanted
  std::span<const Copy> copies_before = {};   // before the rows, in this order
  std::span<const Copy> copies_after = {};    // after them, likewise
  // [limits.windows, sequences, limits.pages_max]: every page that a row's window reaches, kNoPage elsewhere
  std::span<const PageId> window_tables = {};
  std::span<const int32_t> rope_positions = {};  // [rows]: what rows turn by; empty: their positions
  std::span<const float> inputs =
      {};  // [rows without a token, limits.width]: as the embedding would give them
  std::span<const uint32_t> adapters = {};  // [rows]: 0 for none, at most limits.adapters; empty: none at all
  bool causal = true;  // false: a row sees all rows of its sequence in this batch, later ones too
};

// What a step gave.
struct Outputs {
  std::span<const sample::Pick> picks;  // of batch.picks
  std::span<float> logits;              // [batch.logit_rows, vocab]; the reader may change them
  std::span<const float> hidden;        // [batch.hidden_rows, width], after the output norm
};

// Steps are done in the order of their launch, so that whoever launches one may count on all that those
// before it write. One thread at a time; at most one step is under way.
class Runner {
 public:
  virtual ~Runner() = default;
  virtual const RunnerLimits& limits() const = 0;
  // Begins a step and returns at once. All that the batch points to stays as it is until land() returns.
  // Allocates nothing. Throws Error kDevice only when the device has failed for good; nothing is then under
  // way.
  virtual void launch(const Batch& batch) = 0;
  // Waits until the step is done. What it returns holds until the next launch(). Throws as launch().
  virtual Outputs land() = 0;

  // A step for those who have nothing to do meanwhile.
  Outputs step(const Batch& batch) {
    launch(batch);
    return land();
  }
};

}  // namespace gantry::model
