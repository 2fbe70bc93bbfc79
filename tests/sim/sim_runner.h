// A model without weights. Its answer depends on every token before, as it is found through the page tables,
// carried in the sequence's state, or both: a page that is wrong, stale, foreign or not yet written, a state
// that is another's or of another position changes what is said next. Memory starts poisoned.
//
// Also watches the contract of model::Batch and fails a check when the engine breaks it. What a step gives is
// spoiled from its launch until it is landed.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/copies.h"
#include "base/ids.h"
#include "model/runner.h"
#include "model/step_thread.h"
#include "sample/sampler.h"

namespace gantry::sim {

// The model as a pure function: fold(all cells before) and the token give a cell, the cell gives logits.
struct SimModel {
  uint64_t seed = 1;
  uint32_t vocab = 64;
  std::vector<uint32_t> windows = {};  // not empty: only so many cells are remembered, once for each

  static constexpr uint64_t kEmpty = 0x5bd1e995;  // the fold of nothing
  uint64_t cell(uint64_t fold, TokenId token, uint32_t position, uint32_t adapter = 0) const;
  uint64_t extend(uint64_t fold, uint64_t cell) const;
  // What windows see of the cells before `position`; cell(i, p): the cell at p as window i remembers it.
  uint64_t seen(uint32_t position, const std::function<uint64_t(size_t, uint32_t)>& cell) const;
  // Halves from -8 to 8, so that equal logits are common. [vocab]
  void logits(uint64_t cell, std::span<float> logits) const;
  static float hidden(uint64_t cell, uint32_t i);
};

// What the model remembers a sequence by.
enum class SimKind : uint8_t { kPages, kState, kBoth, kWindows };

struct SimOptions {
  model::RunnerLimits limits = {};
  uint64_t seed = 1;
  uint64_t fail_at_step = 0;    // this step (the first is 1) and all later ones throw kDevice; 0: none
  bool fail_at_launch = false;  // they throw when launched, not when landed
  std::chrono::microseconds step_time{0};                    // slept in every step
  std::function<void(const model::Batch&)> takes = nullptr;  // told of every step: a clock that goes on
  // The next token after these, instead of the hash: its logit is 20, the others' 0. kNoToken: no logit is a
  // number.
  std::function<TokenId(std::span<const TokenId>)> say = nullptr;
  SimKind kind = SimKind::kPages;  // a state only where limits.recurrent, windows where limits.windows
  enum class Work : uint8_t {
    kAtLaunch,
    kLate,    // some steps at launch, others when they are landed: all they read must still stand there
    kThread,  // on a thread of its own
  } work = Work::kAtLaunch;
};

// Limits that hang together: pages_max from the context, one logit row per sequence.
model::RunnerLimits sim_limits(uint32_t vocab, uint32_t context_max, uint32_t sequences_max,
                               uint32_t rows_max, uint32_t pages);

// The model that a runner of these limits is.
SimModel sim_model(uint64_t seed, const model::RunnerLimits& limits);

class SimRunner final : public model::Runner {
 public:
  explicit SimRunner(SimOptions options);

  const model::RunnerLimits& limits() const override { return options_.limits; }
  void launch(const model::Batch& batch) override;
  model::Outputs land() override;

  // What stands there must not be read any more by steps that are launched from now on.
  void poison(Kept what, uint32_t pool, Place place);

  uint64_t steps() const { return steps_.load(std::memory_order_relaxed); }

 private:
  struct Cell {
    uint64_t value;
    TokenId token;
  };

  bool fails() const { return options_.fail_at_step != 0 && steps() >= options_.fail_at_step; }
  void run();
  void give(const model::Batch& batch);
  void spoil();
  void check_batch(const model::Batch& batch);
  void check_written_pages(const model::Batch& batch);
  Cell& cell(const model::Batch& batch, size_t row, uint32_t position);
  void check_window_pages(const model::Batch& batch);
  uint64_t& window_cell(const model::Batch& batch, size_t row, size_t window, uint32_t position);
  uint64_t remembered(const model::Batch& batch, size_t row);
  ptrdiff_t readers(const model::Batch& batch, PageId page) const;
  void check_copies(const model::Batch& batch);
  std::span<Cell> page(Place place);
  std::span<uint64_t> window_page(uint32_t pool, Place place);
  uint64_t& state(Place place);
  void run(std::span<const Copy> copies);
  void read_folds(const model::Batch& batch);
  void write_rows(const model::Batch& batch);
  void speak(const model::Batch& batch, size_t row, std::span<float> logits);

  const SimOptions options_;
  const SimModel model_;
  std::vector<Cell> memory_, host_memory_;      // [pages, kPageTokens]
  std::vector<uint64_t> states_, host_states_;  // [sequences + checkpoints]: the fold of all positions so far
  std::vector<std::vector<uint64_t>> window_memory_, host_windows_;  // [windows][pages * kPageTokens]
  std::vector<uint64_t> folds_;    // [rows]: of all positions before the row's sequence in this batch
  std::vector<uint64_t> seen_;     // [sequences]: the step in which a sequence last had rows
  std::vector<uint64_t> read_by_;  // [pages]: in how many tables of the batch it stands
  std::vector<TokenId> history_;   // [context]
  std::vector<float> row_, logits_, hidden_;
  std::vector<uint64_t> allowed_;
  std::vector<sample::Pick> picks_;
  sample::Sampler sampler_;
  std::atomic<uint64_t> steps_{0};
  model::Batch batch_;
  bool under_way_ = false, done_ = false;
  struct Poison {
    Kept what;
    uint32_t pool;
    Place place;
  };
  std::vector<Poison> to_poison_;  // once the step under way is done
  std::unique_ptr<model::StepThread> thread_;
};

}  // namespace gantry::sim
